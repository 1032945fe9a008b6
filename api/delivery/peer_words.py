"""What a peer said: as every database takes it, and as a number."""

from __future__ import annotations

import re

# PostgreSQL holds no NUL, and no database half of a pair. One such letter in one answer would end
# the transaction, and with it the sender for everybody.
_NO_TEXT = re.compile("[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def whole_number(said: str, most_digits: int) -> int | None:
    """A number of that many digits at most; `None` for anything else.

    `str.isdigit` and `int` take other letters each, and `int` refuses thousands of digits.
    """
    is_number = said.isascii() and said.isdigit() and len(said) <= most_digits
    return int(said) if is_number else None


def storable(said: str, most: int) -> str:
    """The first `most` letters, with a mark in place of what is no letter."""
    return _NO_TEXT.sub("\ufffd", said[:most])
