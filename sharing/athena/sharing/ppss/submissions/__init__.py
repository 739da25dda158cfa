"""Submissions: what partners tell a force, unassessed, and what becomes of it."""
