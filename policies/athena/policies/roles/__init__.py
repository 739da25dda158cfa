"""Roles: which actions a role allows, written in Casbin and compiled to a look-up at load."""
