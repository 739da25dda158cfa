"""Features as flags: which force has what, in every process within a second."""
