"""Drafts: what a member has begun to write, kept on the server and seen by nobody else."""
