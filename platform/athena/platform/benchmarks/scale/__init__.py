"""Search measured at scale: a store filled in bulk, misspelt questions, and the peers."""
