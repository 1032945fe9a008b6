"""The errors of `config.plan`.

ConfigError
├── ConfigFileError
│   └── PlanFileError    a plan, calendar or units file that cannot be used; carries every problem
└── RecurrenceError      a rule that cannot be expanded the way it was asked for
"""

from __future__ import annotations

from config.errors import ConfigError, ConfigFileError


class PlanFileError(ConfigFileError):
    """A file of the plan that cannot be used; `problems` holds every fault that was found."""


class RecurrenceError(ConfigError):
    """A rule asked for dates without what it needs, such as a certificate's date of issue."""
