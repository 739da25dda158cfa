"""Deliveries: what partners are told, in order, by webhook and by a feed that they read."""
