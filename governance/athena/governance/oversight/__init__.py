"""Everything that goes on in governance, at a glance: for those who scrutinise it."""
