"""The bodies that decide: who sits on them, for how long, and by which constitution."""
