"""Linking: which nominals may be one person, how likely that is, and what people decided."""
