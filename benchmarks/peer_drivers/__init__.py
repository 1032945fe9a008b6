"""What runs inside each peer's own environment: one script a peer, over `drive`.

A script imports its peer and the standard library only; `benchmarks.video_peers` starts it and
reads the JSON object that it prints last.
"""
