"""Which organisations may call: their keys, contacts and agreements."""
