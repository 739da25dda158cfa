"""Archives: what a force takes with it when it leaves, brings back, and leaves nothing of."""
