"""The `xiaoan` command: `run` by itself, at once, and all others by `api.cli.root`."""

from __future__ import annotations

import io
import sys


def main() -> None:
    """Run the command that the arguments name."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # In a locale without Chinese, or without a mark of ours, a word is lost and not the watch.
        sys.stdout.reconfigure(errors="replace")
    if sys.argv[1:2] == ["run"]:
        import typer

        from api.cli.run import run_command

        alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        alone.command("run")(run_command)
        alone(args=sys.argv[2:], prog_name="xiaoan run")
    else:
        from api.cli.root import app

        app()


__all__ = ["main"]
