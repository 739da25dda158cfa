"""Tenants from joining to leaving: created, suspended, reinstated, off-boarded."""
