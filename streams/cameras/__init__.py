"""One camera as its worker plays it: loop, state, health, rate."""
