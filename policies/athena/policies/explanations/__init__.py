"""Explanations: why a decision shows what it shows, and what would show more."""
