"""Search measured at scale: a store filled in bulk, questions, what a perfect ranker finds, peers."""
