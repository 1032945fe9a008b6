"""Completes the API's description: a line for every parameter, an example for every answer.

What the code states itself stands: only gaps are filled. An example is built from the answer's own
schema, so it has the right form; its words come from the virtual sample school.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI

from api.problems import responses

Json = dict[str, Any]

_DEEPEST = 12
_DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

_PARAMETERS: Mapping[str, tuple[str, Any]] = {
    "account_id": ("Number of the account.", 1),
    "after": ("Only what is newer than this number.", 0),
    "alarm": ("Only what belongs to the alarm of this number.", 12),
    "announcement_id": ("Id of the announcement, as in `cards.yaml`.", "hold-upstairs"),
    "audit_id": ("Number of the confirmed audit.", 1),
    "before": ("Only what is older than this number: the next page of a list.", 100),
    "camera": ("Id of the camera, as in `site.yaml`.", "cam-stair"),
    "camera_id": ("Id of the camera, as in `site.yaml`.", "cam-stair"),
    "closed": ("Also what is closed.", False),
    "export_id": ("Number of the export.", 1),
    "fault_id": ("Number of the fault.", 1),
    "floor_id": ("Id of the floor, as in `site.yaml`.", "f1"),
    "form": ("Form of the file.", "pdf"),
    "from": ("Start of the span, with a zone.", "2026-03-02T08:00:00+08:00"),
    "input_id": ("Id of the button, as in `panels.yaml`.", "button-gate"),
    "kind": ("Kind of the record, as in the plan's catalogue.", "drill"),
    "last-event-id": ("Number of the last event that was received; later ones follow.", "41"),
    "limit": ("At most so many entries.", 50),
    "mode": ("Day or infrared, as the camera's health says.", "day"),
    "note": ("Why, in the viewer's own words; it is recorded.", "复核 review"),
    "number": ("Number of the thing, as lists show it.", 12),
    "only_open": ("Only what is open.", True),
    "path_id": ("Id of the path, as in `delivery.yaml`.", "main"),
    "part": ("Which part of the clip, from 0.", 0),
    "reason": ("Why it is viewed; it is recorded.", "verify"),
    "renewed": ("Whether it was renewed.", False),
    "state": ("Only what is in one of these states.", "open"),
    "step_id": ("Id of the step, as the card shows it.", "step-1"),
    "target_id": ("Id of the receiver, as in `delivery.yaml`.", "police"),
    "task_id": ("Number of the task.", 1),
    "to": ("End of the span, with a zone.", "2026-03-02T09:00:00+08:00"),
    "token": ("The feed's own secret address.", "0123456789abcdef"),
    "unit_id": ("Id of the unit: a school, the bureau, a room.", "school-1"),
    "verb": ("What is done to it.", "fix"),
    "version": ("Which version of the picture.", "redacted"),
    "zone": ("Id of the zone, as in `site.yaml`.", "stair-a"),
    "zone_id": ("Id of the zone, as in `site.yaml`.", "stair-a"),
}

_PERSON = "王建国"
_WORDS: Mapping[str, str] = {
    "action": "acknowledged",
    "address": "otpauth://totp/xiaoan",
    "area_id": "area-stair",
    "camera_id": "cam-stair",
    "cause": "density",
    "channel": "cam-stair",
    "client_key": "7d1f0c3a",
    "code": "alarm_changed",
    "detail": "",
    "driver": "webhook",
    "en": "Stair A",
    "floor_id": "f1",
    "fault": "covered",
    "file": "site.yaml",
    "file_name": "drill.jpg",
    "grade_id": "general",
    "kind": "drill",
    "level": "L3",
    "measure_id": "measure-1",
    "media_type": "image/jpeg",
    "model_id": "xiaoan-heads-2",
    "name": "guard",
    "path": "gb",
    "phone": "8001",
    "place": "楼梯甲",
    "profile_id": "stairs",
    "record_id": "worker-0:4f1c:12",
    "rule": "density",
    "rule_id": "rule-1",
    "site": "sample-school",
    "site_id": "sample-school",
    "subject_id": "stair-a",
    "timezone": "Asia/Shanghai",
    "title": "楼梯甲严重拥挤",
    "unit": "1/m²",
    "unit_id": "school-1",
    "worker_id": "worker-0",
    "zh": "楼梯甲",
    "zone_id": "stair-a",
}
_PEOPLE = frozenset(
    {"account", "actor", "author", "display_name", "fixer", "judge", "owner", "person", "viewer"}
)


def complete_description(app: FastAPI) -> None:
    """Let `app.openapi()` answer with every gap filled."""
    inner = app.openapi

    def described() -> Json:
        if app.openapi_schema is None:
            app.openapi_schema = completed(inner())
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]


def completed(document: Json) -> Json:
    """The description with a line for each parameter, an example for each answer, and the refusals
    that every changing request may meet before its route is asked."""
    schemas = document.get("components", {}).get("schemas", {})
    for methods in document["paths"].values():
        for method, operation in methods.items():
            if method != "get":
                operation["responses"] = {**_at_the_door(), **operation["responses"]}
            for parameter in operation.get("parameters", ()):
                _describe(parameter)
            for status, answer in operation["responses"].items():
                content = answer.get("content", {}).get("application/json")
                if status.startswith("2") and content is not None and "example" not in content:
                    content["example"] = example(content.get("schema", {}), schemas)
    return document


def _at_the_door() -> Json:
    found = responses(403, 413, 415, 422)
    for answer in found.values():
        del answer["model"]
        content = answer["content"]["application/json"]
        content["schema"] = {"$ref": "#/components/schemas/ProblemBody"}
    return {str(status): answer for status, answer in found.items()}


def _describe(parameter: Json) -> None:
    known = _PARAMETERS.get(parameter["name"])
    if known is None:
        return
    line, value = known
    parameter.setdefault("description", line)
    if "examples" not in parameter and _fits(value, parameter.get("schema", {})):
        parameter.setdefault("example", value)


def _fits(value: object, schema: Json) -> bool:
    """Whether the table's value has the type that this route's parameter has."""
    kinds = {part.get("type") for part in (schema, *schema.get("anyOf", ()))}
    number = isinstance(value, int) and not isinstance(value, bool)
    kind = "integer" if number else "boolean" if isinstance(value, bool) else "string"
    limited = any(
        "enum" in part or "pattern" in part for part in (schema, *schema.get("anyOf", ()))
    )
    return kind in kinds and not limited


def example(schema: Json, schemas: Mapping[str, Json], name: str = "", depth: int = 0) -> Any:
    """A value of the form that `schema` asks for."""
    if "$ref" in schema:
        kind = schema["$ref"].rsplit("/", 1)[-1]
        return example(schemas[kind], schemas, name, depth + 1)
    for given in ("const", "default"):
        if given in schema:
            return schema[given]
    for given in ("examples", "enum"):
        if schema.get(given):
            return schema[given][0]
    for given in ("anyOf", "oneOf", "allOf"):
        if given in schema:
            return example(schema[given][0], schemas, name, depth + 1)
    return _of_type(schema, schemas, name, depth)


def _of_type(schema: Json, schemas: Mapping[str, Json], name: str, depth: int) -> Any:
    kind = schema.get("type")
    if kind == "object" or "properties" in schema:
        parts = schema.get("properties", {}).items()
        return {key: example(part, schemas, key, depth + 1) for key, part in parts}
    if kind == "array":
        if "prefixItems" in schema:
            return [example(part, schemas, name, depth + 1) for part in schema["prefixItems"]]
        least = schema.get("minItems", 1)
        if depth > _DEEPEST:
            return []
        return [example(schema.get("items", {}), schemas, name, depth + 1)] * max(1, least)
    if kind in ("integer", "number"):
        return _number(schema)
    if kind == "boolean":
        return True
    return None if kind == "null" else _word(schema, name)


def _number(schema: Json) -> int | float:
    low = _bound(schema, ("minimum", "exclusiveMinimum"), 0.0)
    high = _bound(schema, ("maximum", "exclusiveMaximum"), low + 2.0)
    value = min(low + 1.0, (low + high) / 2.0)
    return int(value) if schema["type"] == "integer" else value


def _bound(schema: Json, names: tuple[str, ...], otherwise: float) -> float:
    return next((float(schema[name]) for name in names if name in schema), otherwise)


def _word(schema: Json, name: str) -> str:
    form = schema.get("format")
    if form == "date-time":
        return "2026-03-02T16:31:05+08:00"
    if form == "date":
        return "2026-03-02"
    if name.endswith("sha256") or name in ("hash", "fingerprint"):
        return _DIGEST
    if name.endswith("_by") or name in _PEOPLE:
        return _PERSON
    return _WORDS.get(name, "…")
