"""Referrals: an officer sends a partner what an agreement names of a person, and it answers."""
