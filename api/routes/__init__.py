"""Routes: one module for each resource, no logic of their own."""
