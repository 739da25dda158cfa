"""The ledger: what went to whom, under which agreement and decision, who asked."""
