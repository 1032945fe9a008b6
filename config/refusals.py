"""Refusals of files in Chinese, found by the English that the code writes.

The code that refuses writes one plain English sentence and one mend, next to the check itself. The
catalogue holds the same sentences with their Chinese; a person gets both, Chinese first, each in
the form `file:line: key: what is wrong — mend: what to write`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import replace

from config.errors import FileProblem
from config.texts.catalogue import catalogue

_PREFIX = "refusal."
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


def in_chinese(sentence: str, prefix: str = _PREFIX) -> str | None:
    """The Chinese of one English message or mend; `None` where the catalogue has none.

    Args:
        prefix: of the keys of the catalogue among which it is looked for.
    """
    for pattern, chinese in _patterns(prefix):
        found = pattern.fullmatch(sentence)
        if found is not None:
            return _filled(chinese, found.groupdict())
    return None


def in_both(sentence: str, prefix: str) -> str:
    """The Chinese of a message where the catalogue has it, and the English below."""
    chinese = in_chinese(sentence, prefix)
    return sentence if chinese is None else f"{chinese}\n{sentence}"


def _filled(sentence: str, values: Mapping[str, str]) -> str:
    """`sentence` with its placeholders replaced; a value that looks like one stays as it is."""
    return _PLACEHOLDER.sub(lambda name: values[name[1]], sentence)


def chinese_line(problem: FileProblem) -> str | None:
    """The problem's line in Chinese; a mend without Chinese stays English."""
    message = in_chinese(problem.message)
    if message is None:
        return None
    mend = in_chinese(problem.mend) or problem.mend
    head, _, _ = str(replace(problem, message="\0")).partition("\0")
    return f"{head}{message} — 改法 mend: {mend}"


def told_in(problem: FileProblem, lang: str) -> tuple[str, ...]:
    """The problem's lines for a reader of `zh` or `en`.

    The English stands below the Chinese: it is what a search or a maintainer knows it by.
    """
    chinese = chinese_line(problem) if lang == "zh" else None
    return (str(problem),) if chinese is None else (chinese, str(problem))


@functools.cache
def _patterns(prefix: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Patterns of the English sentences, those with the most fixed text first."""
    english, chinese = catalogue("en"), catalogue("zh")
    keys = [key for key in english if key.startswith(prefix)]
    keys.sort(key=lambda key: -len(_PLACEHOLDER.sub("", english[key])))
    return tuple((_pattern(english[key]), chinese[key]) for key in keys)


def _pattern(sentence: str) -> re.Pattern[str]:
    parts = _PLACEHOLDER.split(sentence)
    fixed = [re.escape(part) for part in parts[::2]]
    names = [f"(?P<{name}>.+)" for name in parts[1::2]]
    joined = "".join(a + b for a, b in zip(fixed, [*names, ""], strict=True))
    return re.compile(joined, re.DOTALL)
