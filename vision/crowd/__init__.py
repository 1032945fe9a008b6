"""The people of a zone, measured: how many, how dense, how they move, who comes and goes."""
