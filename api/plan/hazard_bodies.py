"""What the routes of hazards take and answer."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field, StringConstraints

from api.plan.bodies import ClientKey, Prose, Short, VersionIn, Word
from api.plan.hazards import Hazard, HazardLevel, HazardState
from api.routes.alarms import PersonName
from api.schemas import Body, with_examples
from config.moments import Day


class HazardIn(Body):
    """A hazard as somebody found it."""

    model_config = with_examples(
        {
            "client_key": "phone-7f31-000013",
            "location": "教学楼二层东侧楼梯",
            "description": "扶手松动",
            "level": "ordinary",
        }
    )

    client_key: ClientKey
    location: Short
    description: Prose
    level: HazardLevel = HazardLevel.ORDINARY
    from_camera: bool = False
    method: Word = Field(default="", description="grading method, such as `ls`; empty for none")
    factors: dict[Word, float] = Field(default_factory=dict, description="factor -> its value")


class AssignIn(VersionIn):
    """Who mends it until when; a major hazard needs the whole plan."""

    model_config = with_examples({"version": 1, "fixer": "张强", "due_on": "2026-03-20"})

    fixer: PersonName
    due_on: Day
    measures: Prose = ""
    funds: Prose = ""
    emergency_plan: Prose = ""


class FixedIn(VersionIn):
    """How it was mended."""

    model_config = with_examples({"version": 3, "note": "已更换固定螺栓"})

    note: Prose


class HazardMistakeIn(VersionIn):
    """Why a hazard is taken back."""

    model_config = with_examples({"version": 1, "reason": "重复登记，见隐患 12"})

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]


class HazardOut(Body):
    """A hazard as it stands."""

    id: int
    location: str
    description: str
    level: HazardLevel
    grade_id: str = Field(description="level of the bureau's own grading; empty when not graded")
    state: HazardState
    found_by: str
    found_on: date
    fixer: str
    due_on: date | None
    fix_note: str
    fixed_by: str
    accepted_by: str
    closed_on: date | None
    version: int

    @classmethod
    def of(cls, hazard: Hazard) -> HazardOut:
        return cls(
            **{name: getattr(hazard, name) for name in _SAME_HAZARD_FIELDS},
            found_on=hazard.found,
            due_on=hazard.due,
            closed_on=hazard.closed,
        )


_SAME_HAZARD_FIELDS = (
    *(
        "id",
        "location",
        "description",
        "level",
        "grade_id",
        "state",
        "found_by",
        "fixer",
        "fix_note",
    ),
    *("fixed_by", "accepted_by", "version"),
)
