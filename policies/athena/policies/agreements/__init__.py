"""Sharing agreements: what crosses forces, under which terms."""
