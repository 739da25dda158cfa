"""Imports: other systems' nominals, each row either loaded, known already, or rejected with why."""
