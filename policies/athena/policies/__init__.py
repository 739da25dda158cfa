"""What may be done and what may cross forces: roles, agreements, decisions, grant sets."""
