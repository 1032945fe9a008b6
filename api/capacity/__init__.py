"""How many cameras this machine carries: measured here, not looked up."""
