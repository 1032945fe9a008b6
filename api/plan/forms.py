"""Forms of records against their kinds, with the refusal in words."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from api.access.guard import right_missing
from api.access.rights import Right
from api.place_names import Name
from api.plan.errors import FormRefusal
from api.plan.scopes import Part
from api.plan.service import PlanService
from api.plan.today import Line
from api.plan.viewer import PlanViewer
from config.plan import RecordFormError
from config.texts import text

OWN_ROUTES = MappingProxyType({"certificate": "certificates", "incident_report": "incidents"})
"""Kinds that have an address of their own, because they move more than one record; their pages."""


def form_address(plan: PlanService, viewer: PlanViewer, unit_id: str, line: Line) -> str:
    """Address of the form whose record counts for a row; empty where the viewer fills in none."""
    scope = viewer.scope(unit_id)
    rule = plan.edition.rule_of(line.rule_id, line.plan_year)
    if rule is None or not fills_in(viewer, unit_id):
        return ""
    kind, types = rule.accepts.kind, rule.accepts.types
    mine = [one for one in types or ("",) if scope.allows(kind, one)]
    if not mine:
        return ""
    place = OWN_ROUTES.get(kind, f"form/{kind}")
    return f"/plan/units/{unit_id}/{place}" + (f"#{mine[0]}" if mine[0] else "")


def fills_in(viewer: PlanViewer, unit_id: str) -> bool:
    """Whether the viewer may hand in records of this unit."""
    return Part.RECORDS in viewer.scope(unit_id).parts and viewer.may(Right.WRITE_PLAN, unit_id)


def check_kind(
    plan: PlanService, viewer: PlanViewer, unit_id: str, kind: str, kind_type: str
) -> None:
    """Raises `Problem` 403 for a kind of record that the viewer's roles do not keep."""
    if not viewer.scope(unit_id).allows(kind, kind_type):
        raise right_missing(Right.WRITE_PLAN, _kind_name(plan, kind, kind_type))


def _kind_name(plan: PlanService, kind: str, kind_type: str) -> Name:
    """What records of this kind and type are called; an unknown word stays as it came."""
    found = plan.edition.kinds.by_id.get(kind)
    if found is None:
        return Name(kind, kind)
    named = (found.types or {}).get(kind_type, found)
    return Name(named.zh, named.en)


def checked(
    plan: PlanService, kind: str, kind_type: str, details: Mapping[str, Any]
) -> dict[str, Any]:
    """The details as they are stored. Raises `FormRefusal` with every field that is wrong."""
    try:
        return plan.edition.kinds.check(kind, kind_type, details)
    except RecordFormError as error:
        fields = Name(_faults(plan, kind, error, "zh"), _faults(plan, kind, error, "en"))
        raise FormRefusal("plan_form_wrong", fields=fields) from error


def _faults(plan: PlanService, kind: str, error: RecordFormError, lang: str) -> str:
    """Every field that is wrong, with its fault, in one language."""
    colon, comma = ("：", "；") if lang == "zh" else (": ", "; ")
    return comma.join(
        f"{_field(plan, kind, name, lang)}{colon}{text(f'plan.form_fault.{reason}', lang)}"
        for name, reason in error.faults
    )


def _field(plan: PlanService, kind_id: str, name: str, lang: str) -> str:
    kind = plan.edition.kinds.by_id.get(kind_id)
    one = None if kind is None else kind.fields.get(name)
    if one is None:
        return text("plan.form.kind", lang) if name in ("kind", "kind_type") else name
    return one.zh if lang == "zh" else one.en
