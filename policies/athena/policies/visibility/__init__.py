"""Visibility: what a member may see for a purpose, decided, granted and opened in the store."""
