"""Who one record is for: restrictions to named members or teams, and locks against a member."""
