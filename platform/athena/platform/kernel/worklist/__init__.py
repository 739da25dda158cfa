"""The worklist: what must be done by when, and by whom; every change is logged by the store."""
