"""Consortium search: a dictionary of names in the process, then plain index look-ups."""
