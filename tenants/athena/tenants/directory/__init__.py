"""The directory of tenants: the forces, the client body, oversight. No personal data."""
