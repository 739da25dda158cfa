"""Notifications: told in the caller's transaction, delivered from the outbox after it."""
