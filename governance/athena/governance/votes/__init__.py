"""Votes: ballots, exact closing, an outcome that anyone can work out again, and its minute."""
