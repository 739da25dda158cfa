"""A whole made-up year of the client body, played over a store through the API."""
