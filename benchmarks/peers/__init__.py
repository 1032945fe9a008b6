"""Peer programs that tests and benchmarks talk to."""
