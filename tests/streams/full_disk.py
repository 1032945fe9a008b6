"""A full disk without root: no file may grow beyond the present size of the spool's log.

SQLite's own page limit cannot stand for it: it bounds the database and lets the log grow, and to
delete needs room in the log alone.
"""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def full_disk(spool_path: Path) -> Iterator[None]:
    """While the block runs, whatever the spool at `spool_path` would append to its log fails."""
    log = spool_path.with_name(f"{spool_path.name}-wal")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
