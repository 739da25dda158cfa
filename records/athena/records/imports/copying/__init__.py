"""How a batch gets into the store."""
