"""What the Athena Management Organisation runs: change requests, costs, votes, releases.

Nothing is built here yet; see the README in the folder above.
"""
