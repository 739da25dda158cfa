"""Limits: caps on calls, and patterns that stop a partner until somebody has looked."""
