"""The virtual campus: simulated pupils, a renderer with the real cameras' pinhole, and exact truth.

It serves tests, benchmarks, training pictures and the demo. Nothing here looks at real people.
"""
