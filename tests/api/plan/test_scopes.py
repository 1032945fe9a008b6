"""What each role sees of a unit's plan, as a table that a reader can check."""

import pytest

from api.access.rights import Role
from api.plan.scopes import Part, scope_of
from config.plan import load_catalogue

ALL = {part.value for part in Part}
SEEN: list[tuple[Role, set[str]]] = [
    (Role.BUREAU, ALL),
    (Role.SCHOOL, ALL - {"settings"}),
    (Role.SECURITY_ROOM, {"ledger", "records", "hazards", "tasks"}),
    (Role.POLICE_ROOM, {"ledger", "records", "hazards", "incidents"}),
    (Role.BUS_PROVIDER, {"ledger", "records", "certificates"}),
    (Role.EXPERT, {"ledger", "records", "hazards", "tasks"}),
    (Role.OPERATOR, set()),
    (Role.POLICE, set()),
]


@pytest.mark.parametrize(("role", "parts"), SEEN)
def test_the_parts_of_each_role(role: Role, parts: set[str]) -> None:
    assert {part.value for part in scope_of([role]).parts} == parts


KINDS = [
    (Role.SCHOOL, "responsibility_list", "staff", True),
    (Role.SECURITY_ROOM, "inspection", "daily", True),
    (Role.SECURITY_ROOM, "inspection", "self", False),
    (Role.SECURITY_ROOM, "duty_log", "gate", True),
    (Role.SECURITY_ROOM, "responsibility_list", "staff", False),
    (Role.POLICE_ROOM, "appointment", "guard", False),
    (Role.POLICE_ROOM, "police_room", "", True),
    (Role.BUS_PROVIDER, "certificate", "bus_inspection", True),
    (Role.BUS_PROVIDER, "certificate", "fire_system", False),
    (Role.BUS_PROVIDER, "drill", "bus", True),
    (Role.BUS_PROVIDER, "drill", "fire", False),
    (Role.EXPERT, "drill", "fire", True),
    (Role.EXPERT, "duty_roster", "", False),
]


@pytest.mark.parametrize(("role", "kind", "kind_type", "seen"), KINDS)
def test_the_kinds_of_each_role(role: Role, kind: str, kind_type: str, seen: bool) -> None:
    assert scope_of([role]).allows(kind, kind_type) is seen


def test_roles_add_up_and_the_bus_provider_sees_bus_duties() -> None:
    both = scope_of([Role.SECURITY_ROOM, Role.BUS_PROVIDER])
    assert both.allows("duty_log", "gate")
    assert both.allows("drill", "bus")
    assert not both.allows("drill", "fire")
    assert scope_of([Role.EXPERT, Role.SCHOOL]).allows("duty_roster")
    scope = scope_of([Role.BUS_PROVIDER])
    shown = {rule.id for rule in load_catalogue().rules() if scope.shows(rule)}
    assert shown == {"R-3.11.3-1", "R-3.11.4-1", "R-3.11.4-2"}
