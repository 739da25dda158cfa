"""What is added to a change or a release: the store numbers it, and nothing alters it."""
