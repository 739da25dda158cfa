"""What the Athena Management Organisation runs: bodies, votes, change requests, costs, releases.

What decides (a constitution, the outcome of a vote, the life of a change) is data and pure
functions that read no store; services keep what was decided.
"""
