"""Break-glass: one record opened in an emergency, for a limited time, and reviewed afterwards."""
