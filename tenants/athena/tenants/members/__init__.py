"""Members: who may sign in for a tenant, and the roles they hold today."""
