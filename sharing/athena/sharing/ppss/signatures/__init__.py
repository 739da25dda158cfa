"""Who is calling: signatures of whole messages, keys, nonces."""
