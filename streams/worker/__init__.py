"""One worker process: its threads, its network, its crews."""
