"""Comparing: what the linker does by itself, under its own login, whenever a nominal changes."""
