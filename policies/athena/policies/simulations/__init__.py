"""Simulations: what a changed agreement or policy would show, before anyone signs it."""
