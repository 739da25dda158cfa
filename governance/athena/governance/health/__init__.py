"""The health of a ring: what its requests came to, counted by every process."""
