"""Logs: one JSON object a line, or readable lines when a person is looking."""

from __future__ import annotations

import logging
import sys

import structlog

from config.errors import SettingsError
from config.settings import ServiceSettings, load_settings


def set_up_logs(level: str) -> None:
    """Configure structlog for this process; called once by each entry point."""
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=True)
        if sys.stderr.isatty()
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=_to_standard_error,
        # A kept logger would write to the stream of its first line for ever, open or closed.
        cache_logger_on_first_use=False,
    )


def settings_with_logs() -> ServiceSettings:
    """The settings of this process, its logs set up by them; also where they cannot be used.

    Raises:
        SettingsError: an unknown key or a value out of range; the text names where it stands.
    """
    try:
        settings = load_settings()
    except SettingsError:
        set_up_logs("info")
        raise
    set_up_logs(settings.log_level)
    return settings


def _to_standard_error(*_: object) -> structlog.PrintLogger:
    """A logger to what is standard error now."""
    return structlog.PrintLogger(sys.stderr)
