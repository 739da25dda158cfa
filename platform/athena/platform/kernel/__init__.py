"""The kernel: settings, errors, identity, database sessions, audit and the web shell."""
