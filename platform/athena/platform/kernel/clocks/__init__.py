"""Clocks: by when something must be done, in hours, in working days, or under PACE 1984."""
