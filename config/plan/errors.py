"""The errors of `config.plan`.

ConfigError
├── ConfigFileError
│   └── PlanFileError    a plan, calendar or units file that cannot be used; carries every problem
├── RecurrenceError      a rule that cannot be expanded the way it was asked for
├── GradingError         factors or values that the grading method does not have
├── PlanChoiceError      a choice for an import that names what is not there
└── RecordFormError      a record that does not fit its form; names every field that is wrong
"""

from __future__ import annotations

from config.errors import ConfigError, ConfigFileError


class PlanFileError(ConfigFileError):
    """A file of the plan that cannot be used; `problems` holds every fault that was found."""


class RecurrenceError(ConfigError):
    """A rule asked for dates without what it needs, such as a certificate's date of issue."""


class GradingError(ConfigError):
    """Factors or values that the grading method does not have."""


class PlanChoiceError(ConfigError):
    """A choice for an import that names a row, measure or duty that is not there."""


class RecordFormError(ConfigError):
    """A record that does not fit its form. `faults` holds field and reason, in order."""

    def __init__(self, kind: str, faults: tuple[tuple[str, str], ...]) -> None:
        super().__init__(f"{kind}: " + "; ".join(f"{name}: {reason}" for name, reason in faults))
        self.kind = kind
        self.faults = faults
