"""Duties of each class: one class's work counts once, whoever hands it in again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any
from unicodedata import normalize

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.plan.tables import PLAN_COUNTS, PLAN_RECORDS
from config.plan import Rule
from config.plan.values import AppliesTo

_CLASS_FIELD = "class_name"


def class_of(body: Mapping[str, Any]) -> str:
    """The class that a record names, however blanks, letters and digits were typed."""
    return "".join(normalize("NFKC", str(body.get(_CLASS_FIELD, ""))).split()).casefold()


async def has_its_class(
    connection: AsyncConnection, rule: Rule, occurrence_id: int, body: Mapping[str, Any]
) -> bool:
    """Whether the occurrence has all that it takes of the record's class.

    Never for a rule that does not count by class, or for a record that names none.
    """
    name = class_of(body)
    if rule.applies_to is not AppliesTo.EACH_CLASS or not name:
        return False
    counts = PLAN_COUNTS.c
    query = (
        select(PLAN_RECORDS.c.body_json)
        .join(PLAN_COUNTS, counts.record_id == PLAN_RECORDS.c.id)
        .where(counts.occurrence_id == occurrence_id)
    )
    bodies = (await connection.execute(query)).scalars()
    return Counter(class_of(json.loads(one)) for one in bodies)[name] >= rule.quota
