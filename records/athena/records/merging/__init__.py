"""Merging a force's own duplicates, and undoing it after later changes."""
