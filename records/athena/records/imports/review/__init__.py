"""Looking at imports: what became of their rows, and deciding on those that wait."""
