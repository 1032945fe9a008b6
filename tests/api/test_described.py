"""The API's description has a line for every parameter and a fitting example for every answer."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest

from api.application import PlanFolder, create_app
from api.described import example
from api.evidence.origin import Origin
from api.evidence.service import EvidencePlan
from api.pictures import NoPictures
from config import load_site, sample_school_directory
from config.plan import load_edition
from config.recording import load_recording
from streams.clock import SimulatedClock
from tests.api.desk_cases import settings

Json = dict[str, Any]


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Json:
    """What the whole service says of itself."""
    folder = tmp_path_factory.mktemp("described")
    site = load_site(sample_school_directory())
    recording = load_recording(site)
    origin = Origin.of_site(site, recording.sha256)
    app = create_app(
        settings=settings(f"sqlite:///{folder / 'desk.db'}"),
        site=site,
        clock=SimulatedClock(),
        pictures=NoPictures(),
        plan=PlanFolder(load_edition(), folder / "files"),
        evidence=EvidencePlan(folder / "recordings", folder / "evidence", recording, origin),
    )
    found = app.openapi()
    assert app.openapi() is found, "described once"
    return found


def operations(document: Json) -> list[tuple[str, Json]]:
    return [
        (f"{method.upper()} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_what_the_door_refuses_is_told_of_every_changing_request(document: Json) -> None:
    door = {"403", "413", "415", "422"}
    missing = [
        route
        for route, operation in operations(document)
        if not route.startswith("GET") and not door <= {*operation["responses"]}
    ]
    assert missing == []
    sign_in = document["paths"]["/api/v1/sign-in"]["post"]["responses"]
    assert sign_in["429"]["content"]["application/json"]["example"]["code"] == "sign_in_wait"


def test_every_parameter_has_a_line(document: Json) -> None:
    missing = [
        (route, parameter["name"])
        for route, operation in operations(document)
        for parameter in operation.get("parameters", ())
        if not (parameter.get("description") or parameter.get("schema", {}).get("enum"))
    ]
    assert missing == []


def test_every_answer_has_an_example_of_its_own_form(document: Json) -> None:
    seen = 0
    for route, operation in operations(document):
        for status, answer in operation["responses"].items():
            content = answer.get("content", {}).get("application/json")
            if content is None or not status.startswith("2"):
                continue
            schema = {**content.get("schema", {}), "components": document["components"]}
            faults = [str(fault) for fault in jsonschema_rs.iter_errors(schema, content["example"])]
            assert faults == [], (route, status)
            seen += 1
    assert seen > 90


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer", "minimum": 3, "maximum": 9}, 4),
        ({"type": "number", "minimum": 0.0, "maximum": 1.0}, 0.5),
        ({"type": "array", "items": {"type": "boolean"}}, [True]),
        ({"anyOf": [{"type": "null"}, {"type": "string"}]}, None),
        ({"type": "string", "enum": ["L0", "L1"]}, "L0"),
        ({"$ref": "#/components/schemas/Name"}, {"zh": "楼梯甲", "en": "Stair A"}),
    ],
)
def test_an_example_has_the_form_of_its_schema(schema: Json, value: object) -> None:
    text = {"type": "string"}
    schemas = {"Name": {"type": "object", "properties": {"zh": text, "en": text}}}
    assert example(schema, schemas) == value
