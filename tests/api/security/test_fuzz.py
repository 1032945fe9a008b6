"""schemathesis over the whole description of the API: whatever is sent, no answer is a 5xx.

Bodies, parameters and ids are made from the description, right and wrong ones; ids of things that
exist are mixed in, so that the requests reach beyond the first look-up. The seed is fixed.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import schemathesis
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.result import Ok

from api.access.rights import Role
from tests.api.security.whole import Asked, Whole, example_of, number_for, whole_service

SEED = 20_261_124
RIGHT_ONES, WRONG_ONES = 6, 3
EVERY_ROLE = ",".join(role.value for role in Role if role is not Role.MACHINE)
_QUIET = settings(
    deadline=None,
    database=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)


@dataclass(slots=True)
class Told:
    """What came back: statuses by route, and the requests that ended in a 5xx."""

    statuses: dict[str, Counter[int]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def note(self, route: str, asked: Asked, status: int) -> None:
        self.statuses.setdefault(route, Counter())[status] += 1
        if status >= 500:
            self.broken.append(f"{status} {asked.method} {asked.path} {asked.body[:300]!r}")


@pytest.fixture(scope="module")
def running(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[BlockingPortal, Whole]]:
    """The service on an event loop of its own, beside the synchronous generator of requests."""
    folder = tmp_path_factory.mktemp("fuzzed")
    shutil.copy(sqlite_template, folder / "desk.db")
    with start_blocking_portal() as portal:
        service = whole_service(f"sqlite:///{folder / 'desk.db'}", folder)
        with portal.wrap_async_context_manager(service) as whole:
            yield portal, whole


@pytest.mark.timeout(1_800)
def test_no_request_makes_the_service_fail(running: tuple[BlockingPortal, Whole]) -> None:
    portal, whole = running
    schema = schemathesis.openapi.from_dict(whole.app.openapi())
    told = Told()
    found = list(schema.get_all_operations())
    operations = [one.ok() for one in found if isinstance(one, Ok)]
    assert len(operations) == len(found)
    for operation in operations:
        route = f"{operation.method.upper()} {operation.path}"
        _send_example(portal, whole, route, told)
        # What exists is mixed in, each number where it belongs.
        existing = {
            name: number_for(operation.path, whole.objects) if name == "number" else value
            for name, value in {**whole.objects, "number": ""}.items()
            if f"{{{name}}}" in operation.path
        }
        for mode, count in (
            (GenerationMode.POSITIVE, RIGHT_ONES),
            (GenerationMode.NEGATIVE, WRONG_ONES),
        ):
            _send_made(portal, whole, operation, (mode, count, existing), told)
    assert told.broken == [], "\n".join(told.broken)
    assert len(told.statuses) == len(operations) > 100
    # The generator gets through to the work: more than half have answered with success;
    # most others ask for something that only people's acts before bring about.
    well = [route for route, found in told.statuses.items() if any(s < 300 for s in found)]
    assert len(well) > 0.55 * len(operations), sorted(set(told.statuses) - set(well))


def _send_example(portal: BlockingPortal, whole: Whole, route: str, told: Told) -> None:
    """The description's own example, sent to things that exist."""
    method, _, template = route.partition(" ")
    path = whole.path(template)
    asked = Asked(method, path, EVERY_ROLE, body=example_of(whole, route))
    told.note(route, asked, portal.call(whole.status, asked))


def _send_made(
    portal: BlockingPortal,
    whole: Whole,
    operation: Any,
    kind: tuple[GenerationMode, int, dict[str, str]],
    told: Told,
) -> None:
    mode, count, existing = kind
    free = operation.as_strategy(generation_mode=mode)
    strategy = free
    if existing and mode is GenerationMode.POSITIVE:
        strategy = st.one_of(
            free, operation.as_strategy(generation_mode=mode, path_parameters=existing)
        )

    @seed(SEED)
    @settings(_QUIET, max_examples=count)
    @given(case=strategy)
    def send(case: Any) -> None:
        asked = _asked(case)
        status = portal.call(whole.status, asked)
        told.note(f"{operation.method.upper()} {operation.path}", asked, status)

    try:
        send()
    except Unsatisfiable:
        # Nothing about such a request can be wrong: no body and no parameter.
        assert mode is GenerationMode.NEGATIVE


def _asked(case: Any) -> Asked:
    """A made case as a request of somebody with every role."""
    made = case.as_transport_kwargs(base_url="http://localhost")
    allowed = ("method", "url", "params", "data", "json")
    prepared = requests.Request(**{name: made[name] for name in allowed if name in made}).prepare()
    parts = urlsplit(str(prepared.url))
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    body = prepared.body or b""
    content = body.encode() if isinstance(body, str) else body
    assert isinstance(content, bytes)
    return Asked(str(prepared.method), path, EVERY_ROLE, body=content)
