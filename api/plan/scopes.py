"""What of a unit's plan each role sees: parts of the plan, and kinds of records. Pure.

Rights say which acts a role may do; this table says on which part. What is not listed is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from api.access.rights import Role
from config.plan import Rule


class Part(StrEnum):
    """A part of the plan."""

    LEDGER = "ledger"
    RECORDS = "records"
    HAZARDS = "hazards"
    INCIDENTS = "incidents"
    CERTIFICATES = "certificates"
    TASKS = "tasks"
    SCORES = "scores"
    PAPERS = "papers"
    WALL = "wall"
    SETTINGS = "settings"


@dataclass(frozen=True, slots=True)
class PlanScope:
    """Parts and kinds of records that somebody sees of one unit.

    Attributes:
        kinds: `drill` for all drills, `drill:bus` for one type; `None` for every kind.
        hidden_kinds: kinds that are kept back although `kinds` is `None`.
    """

    parts: frozenset[Part]
    kinds: frozenset[str] | None = frozenset()
    hidden_kinds: frozenset[str] = frozenset()

    def allows(self, kind: str, kind_type: str = "") -> bool:
        """Whether records of this kind and type are seen and written."""
        if self.kinds is None:
            return kind not in self.hidden_kinds
        return kind in self.kinds or f"{kind}:{kind_type}" in self.kinds

    def shows(self, rule: Rule) -> bool:
        """Whether the ledger shows the occurrences of this rule."""
        kind, types = rule.accepts.kind, rule.accepts.types
        return any(self.allows(kind, one) for one in types or ("",))


_ALL = PlanScope(frozenset(Part), None)
_STAFF_LISTS = frozenset({"responsibility_list", "appointment", "organisation", "duty_roster"})

ROLE_SCOPE: Mapping[Role, PlanScope] = MappingProxyType(
    {
        Role.BUREAU: _ALL,
        Role.ADMINISTRATOR: PlanScope(frozenset({Part.SETTINGS})),
        Role.SCHOOL: PlanScope(frozenset(Part) - {Part.SETTINGS}, None),
        # Rounds, duty and what cameras found; no scores, no staff lists, no certificates.
        Role.SECURITY_ROOM: PlanScope(
            frozenset({Part.LEDGER, Part.RECORDS, Part.HAZARDS, Part.TASKS}),
            frozenset(
                {
                    *("inspection:daily", "inspection:cameras", "duty_log", "alarm_handling"),
                    *("fire_lane", "gate_hours", "equipment_check"),
                }
            ),
        ),
        # Incidents and the alarms behind them; never scores or staff lists.
        Role.POLICE_ROOM: PlanScope(
            frozenset({Part.LEDGER, Part.RECORDS, Part.HAZARDS, Part.INCIDENTS}),
            frozenset({"police_room", "equipment_check:police", "alarm_handling", "joint_action"}),
        ),
        Role.BUS_PROVIDER: PlanScope(
            frozenset({Part.LEDGER, Part.RECORDS, Part.CERTIFICATES}),
            frozenset(
                {
                    *("vehicle", "vehicle_check", "vehicle_hire", "drill:bus"),
                    *("certificate:bus_inspection", "certificate:bus_permit"),
                    "certificate:driver",
                }
            ),
        ),
        # Looks at everything but people and scores, and reports hazards; its grant has an end.
        Role.EXPERT: PlanScope(
            frozenset({Part.LEDGER, Part.RECORDS, Part.HAZARDS, Part.TASKS}), None, _STAFF_LISTS
        ),
    }
)
_NOTHING = PlanScope(frozenset())


def scope_of(roles: Iterable[Role]) -> PlanScope:
    """What somebody with these roles in one unit sees: each role adds to the others."""
    found = [ROLE_SCOPE[role] for role in roles if role in ROLE_SCOPE]
    if not found:
        return _NOTHING
    parts = frozenset().union(*(scope.parts for scope in found))
    open_ones = [scope for scope in found if scope.kinds is None]
    if open_ones:
        hidden = frozenset.intersection(*(scope.hidden_kinds for scope in open_ones))
        listed = frozenset().union(*(scope.kinds or frozenset() for scope in found))
        return PlanScope(parts, None, hidden - listed)
    return PlanScope(parts, frozenset().union(*(scope.kinds or frozenset() for scope in found)))
