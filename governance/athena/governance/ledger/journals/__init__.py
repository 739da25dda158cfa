"""Journals as the store keeps them: appended, numbered without a gap, never changed."""
