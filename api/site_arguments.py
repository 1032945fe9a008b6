"""Which site a process of a run is of: `--site DIR`, and where the run keeps its settings."""

from __future__ import annotations

import argparse
from pathlib import Path

from config.site import Site
from config.site_load import load_site


def add_site_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--site", type=Path, required=True, help="folder with site.yaml")
    parser.add_argument(
        "--read-from", type=Path, default=None, help="a copy of its settings, read in their place"
    )


def site_of(options: argparse.Namespace) -> Site:
    """Raises `SiteFileError`."""
    return load_site(options.site, read_from=options.read_from)


def site_arguments(site: Site) -> tuple[str, ...]:
    """What `add_site_arguments` understands, for a process that is to read the same."""
    copy = () if site.read_from is None else ("--read-from", str(site.read_from.resolve()))
    return ("--site", str(site.directory), *copy)
