"""`python -m benchmarks.peers`: other open systems beside this; see `benchmarks.video_peers`."""

from benchmarks.video_peers import main

if __name__ == "__main__":
    raise SystemExit(main())
