"""What crosses forces: consortium search, disclosure and, later, partners."""
