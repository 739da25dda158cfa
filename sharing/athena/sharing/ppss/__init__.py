"""The Police and Partner Sharing Service: partners get the least they need, and it is on record."""
