"""Releases: authorised changes brought to the forces ring by ring, and taken back."""
