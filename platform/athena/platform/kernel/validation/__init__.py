"""Validation: rules kept as data that warn about a document or block it, all findings at once."""
