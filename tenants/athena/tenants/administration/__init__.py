"""Administering members: joining, moving, leaving; roles and teams, each with its days."""
