"""The threads in which a process waits for files, passwords and name servers.

asyncio starts one whenever none is idle, up to a number that follows from the cores, and keeps
them. Here all are there from the start: what a process holds does not grow with the busiest moment
of a day, so growth that is seen is growth.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

# A name server that does not answer holds one for some seconds; others go on meanwhile.
THREADS = 8


def start_threads() -> None:
    """Give the running loop its threads; `asyncio.run` ends them with the loop."""
    pool = ThreadPoolExecutor(THREADS, thread_name_prefix="background")
    # Each waits until all are there, so that none of them takes two.
    together = threading.Barrier(THREADS)
    for _ in range(THREADS):
        pool.submit(together.wait)
    asyncio.get_running_loop().set_default_executor(pool)
