"""Sharing a cost among forces by a formula that is data, to the penny; and the bases of it."""
