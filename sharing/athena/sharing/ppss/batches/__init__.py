"""Batches: many person checks sent at once, each answered as a single one is."""
