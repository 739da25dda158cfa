"""Corrections: recipients are told of disclosed facts that are wrong, and say what they did."""
