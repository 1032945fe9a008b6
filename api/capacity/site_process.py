"""Measures what a site costs this machine, beside its service; says so when it is too much.

python -m api.capacity.site_process --site DIR
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import structlog

from api.cli.bench import overload_warning
from api.site_arguments import add_site_arguments, site_of
from config import ConfigError
from config.settings import load_settings
from models.errors import ModelError

# Where there is no idle class, or a container allows none.
_NICENESS = 19


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the warning, or nothing; exit code 2 when the site cannot be measured."""
    parser = argparse.ArgumentParser(prog="xiaoan-site-cost")
    add_site_arguments(parser)
    options = parser.parse_args(arguments)
    _stand_back()
    # Its standard output is the warning and nothing else.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    try:
        warning = overload_warning(site_of(options), load_settings())
    except (ConfigError, ModelError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if warning:
        sys.stdout.buffer.write(f"{warning}\n".encode())
    return 0


def _stand_back() -> None:
    """Take only what the cameras leave, for as long as that lasts.

    Even the lowest niceness has a share of a core that others want, and is not put off it at once
    by one that wakes; the idle class is.
    """
    try:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    except (AttributeError, OSError):
        os.nice(_NICENESS)


if __name__ == "__main__":
    sys.exit(main())
