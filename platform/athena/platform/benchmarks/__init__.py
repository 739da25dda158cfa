"""Measurements of the platform, each against a named peer in the same run."""
