"""Change requests: their documents, their lives, and what forces, the AMO and the supplier add."""
