"""Who takes part: forces, the client body, partner organisations, and their members."""
