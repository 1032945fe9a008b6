"""The errors of `config`.

ConfigError
├── ConfigFileError      a file written by people that cannot be used; carries every problem found
│   └── SiteFileError    the site file
├── SecretError          a referenced secret that cannot be read
├── SettingsError        a service setting that is unknown or out of range
└── TextError            a text key or placeholder that the catalogue does not know
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace


class ConfigError(ValueError):
    """Base of every error that `config` raises on purpose."""


@dataclass(frozen=True, slots=True)
class FileProblem:
    """One thing that is wrong in a file written by people.

    Attributes:
        file: name of the file as the reader knows it.
        line: 1 for the first line; 0 where the file as a whole is meant.
        key: where in the file, e.g. `cameras[2].pose.tilt_deg`; empty for the whole file.
        message: what is wrong.
        mend: what to write instead.
    """

    file: str
    line: int
    key: str
    message: str
    mend: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        subject = f"{self.key}: " if self.key else ""
        return f"{place}: {subject}{self.message} — mend: {self.mend}"


SiteProblem = FileProblem


class ConfigFileError(ConfigError):
    """A file that cannot be used; `problems` holds everything found, in the order of the file."""

    def __init__(self, problems: Iterable[FileProblem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.file, problem.line)))
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def __str__(self) -> str:
        """A line a problem: in Chinese where the catalogue has it, and in English."""
        # The catalogue is itself read from such files.
        from config.refusals import told_in

        try:
            lines = [line for problem in self.problems for line in told_in(problem, "zh")]
        except ConfigError:
            return str(self.args[0])
        return "\n".join(lines)


class SiteFileError(ConfigFileError):
    """The site file cannot be used."""


class SecretError(ConfigError):
    """A referenced secret cannot be read; the text names the reference, never the secret."""


class SettingsError(ConfigError):
    """A service setting is unknown, missing or out of range."""

    @classmethod
    def at(cls, place: str, message: str, mend: str, *, place_zh: str = "") -> SettingsError:
        """One fault, in Chinese where the catalogue has it, and in English.

        Args:
            place: what stands before it, such as `environment variable XIAOAN_PORT`; `place_zh`
                the same in Chinese where it holds words.
        """
        from config.refusals import chinese_line

        english = FileProblem(place, 0, "", message, mend)
        chinese = chinese_line(replace(english, file=place_zh or place))
        return cls("\n".join(filter(None, (chinese, str(english)))))


class TextError(ConfigError):
    """The catalogue has no such text, or its placeholders do not fit."""
