"""Settings of delivery for programs: read, change and try them."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Request
from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr, StringConstraints

from api.access import audit
from api.access.guard import ActorDep, needs
from api.access.rights import Right
from api.delivery.entered import EnteredPath, Value
from api.delivery.routes import EmptyBody, TargetId
from api.delivery.settings import DeliverySettings
from api.delivery.trial import Trial
from api.problems import responses
from api.schemas import Body, NameBody, with_examples
from api.service import ServiceDep
from config.delivery import DeliveryPlan
from config.delivery.drivers import DRIVERS
from config.delivery.form import Kind, form_of, secret_keys

router = APIRouter(
    prefix="/api/v1/delivery",
    tags=["delivery settings"],
    dependencies=[Depends(needs(Right.CONFIGURE_DELIVERY))],
)

PathId = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$", description="Id of the path.")]
Revision = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
KeyName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Text = Annotated[StrictStr, StringConstraints(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]
Given = Text | StrictBool | StrictInt | StrictFloat
Secret = Annotated[str, StringConstraints(max_length=4000)]
_REFUSALS = responses(401, 403, 404, 409, 415, 422, 503)
_REVISION = "0f1e2d3c4b5a6978"
_SETTINGS: dict[str, Value] = {"host": "10.20.0.7", "port": 9000, "account": "1A2B"}


class PathIn(Body):
    """Driver and settings of one path; `secrets` only those that are new, empty to take one out."""

    model_config = with_examples(
        {"revision": _REVISION, "driver": "dc09", "settings": _SETTINGS, "secrets": {}}
    )

    revision: Revision
    driver: str = Field(max_length=20)
    settings: Annotated[dict[KeyName, Given], Field(max_length=40)]
    secrets: Annotated[dict[KeyName, Secret], Field(max_length=10)] = Field(
        default_factory=dict, repr=False
    )

    def entered(self, target_id: str, path_id: str) -> EnteredPath:
        return EnteredPath(target_id, path_id, self.driver, self.settings, self.secrets)


class FirstPathIn(Body):
    """The first path of a new target."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
    driver: str = Field(max_length=20)
    settings: Annotated[dict[KeyName, Given], Field(max_length=40)]
    secrets: Annotated[dict[KeyName, Secret], Field(max_length=10)] = Field(
        default_factory=dict, repr=False
    )


class TargetIn(Body):
    """A target's own keys, as in `delivery.yaml`; `first_path` for a new one."""

    model_config = with_examples(
        {
            "revision": _REVISION,
            "name": {"zh": "报警中心", "en": "Alarm centre"},
            "role": "monitoring",
            "lowest_priority": 2,
            "first_path": {"id": "main", "driver": "dc09", "settings": _SETTINGS},
        }
    )

    revision: Revision
    name: NameBody
    role: Literal["police", "monitoring", "information"]
    lowest_priority: int = 2
    acknowledgement: Literal["receiver", "transport"] = "receiver"
    ack_within_s: float = 10.0
    attempt_s: float = 5.0
    give_up_after_s: float | None = None
    both_for_urgent: bool = False
    one_path_reason: Text = ""
    phone: Text = ""
    from_step: Literal["call", "district"] | None = None
    first_path: FirstPathIn | None = None

    def keys(self) -> dict[str, object]:
        """What stands in the file: what is empty is left out."""
        values = self.model_dump(exclude={"revision", "first_path"}, exclude_unset=True)
        return {key: value for key, value in values.items() if value not in ("", None)}


class RevisionIn(Body):
    """The revision of the file that the person saw."""

    model_config = with_examples({"revision": _REVISION})

    revision: Revision


class RemoveTargetIn(RevisionIn):
    """Also how many alarm messages are given up by that; the page shows the number."""

    model_config = with_examples({"revision": _REVISION, "waiting": 0})

    waiting: Annotated[int, Field(ge=0, le=2**31)] = 0


class KeyBody(Body):
    """One key of a driver's form."""

    name: str
    kind: Kind
    needed: bool
    default: str | int | float | bool | None
    choices: tuple[str | int, ...]


class PathSettingsBody(Body):
    """A path; of its secrets only where each is kept: `sealed`, `env` or `file`."""

    id: str
    driver: str
    settings: dict[str, str | int | float | bool]
    secrets: dict[str, str]


class TargetSettingsBody(Body):
    """A target and its paths."""

    id: str
    paths: tuple[PathSettingsBody, ...]


class SettingsBody(Body):
    """The settings as they are in force, and what each driver takes."""

    revision: str
    editable: bool
    fault: str = Field(description="why the file as it stands cannot be used; empty when it can")
    targets: tuple[TargetSettingsBody, ...]
    drivers: dict[str, tuple[KeyBody, ...]]


class TrialBody(Body):
    """What came of a try: whether it was sent, and whether the receiver itself said so."""

    sent: bool
    received: bool
    detail: str
    took_s: float


def settings_of(request: Request) -> DeliverySettings:
    """The settings that `install_delivery` gave the application."""
    found = request.app.state.delivery_settings
    if not isinstance(found, DeliverySettings):
        raise TypeError("the application was not made by api.application.create_app")
    return found


SettingsDep = Annotated[DeliverySettings, Depends(settings_of)]


@router.get("/settings", responses=responses(401, 403, 409))
async def read_settings(settings: SettingsDep) -> SettingsBody:
    """Everything but the secrets."""
    fault = "" if settings.file.fault is None else str(settings.file.fault)
    revision, plan = "", settings.outbox.plan
    if settings.editable:
        plan, revision, here = settings.present()
        fault = here or fault
    return SettingsBody(
        revision=revision,
        editable=settings.editable,
        fault=fault[:2000],
        targets=_targets(plan),
        drivers={
            name: tuple(
                KeyBody(
                    name=key.name,
                    kind=key.kind,
                    needed=key.needed,
                    default=key.default,
                    choices=key.choices,
                )
                for key in form_of(name)
            )
            for name in DRIVERS
        },
    )


@router.post("/targets/{target_id}/settings", responses=_REFUSALS)
async def set_target(
    target_id: TargetId, body: TargetIn, settings: SettingsDep, actor: ActorDep
) -> EmptyBody:
    """Change a target, or make a new one with its first path. In force within two seconds."""
    first = None
    if body.first_path is not None:
        one = body.first_path
        first = EnteredPath(target_id, one.id, one.driver, one.settings, one.secrets)
    await settings.change_target(target_id, body.keys(), first, body.revision, actor)
    return EmptyBody()


@router.post("/targets/{target_id}/remove", responses=_REFUSALS)
async def remove_target(
    target_id: TargetId, body: RemoveTargetIn, settings: SettingsDep, actor: ActorDep
) -> EmptyBody:
    """End a target. 409 when another number of its alarm messages waits than the body says."""
    await settings.remove_target(target_id, body.waiting, body.revision, actor)
    return EmptyBody()


@router.post("/targets/{target_id}/paths/{path_id}/settings", responses=_REFUSALS)
async def set_path(
    target_id: TargetId, path_id: PathId, body: PathIn, settings: SettingsDep, actor: ActorDep
) -> EmptyBody:
    """Change a path, or add one. In force within two seconds; what waits is sent over it."""
    await settings.change_path(body.entered(target_id, path_id), body.revision, actor)
    return EmptyBody()


@router.post("/targets/{target_id}/paths/{path_id}/remove", responses=_REFUSALS)
async def remove_path(
    target_id: TargetId, path_id: PathId, body: RevisionIn, settings: SettingsDep, actor: ActorDep
) -> EmptyBody:
    """End a path; what waits goes over the others."""
    await settings.remove_path(target_id, path_id, body.revision, actor)
    return EmptyBody()


@router.post("/targets/{target_id}/paths/{path_id}/try", responses=_REFUSALS)
async def try_path(
    target_id: TargetId,
    path_id: PathId,
    body: PathIn,
    settings: SettingsDep,
    service: ServiceDep,
    actor: ActorDep,
) -> TrialBody:
    """Send a message marked as a test over settings that are not saved; takes up to half a minute.

    409 where the peer knows a running path by the same number or name: save, then test the path.
    """
    desk = service.desk
    trial = Trial(desk.board.site, settings.outbox.plan.directory, desk.clock)
    async with settings.unsaved(body.entered(target_id, path_id)) as path:
        trial.check_free(path, settings.outbox.plan)
        outcome = await trial.run(path, actor.name)
    async with desk.database.write() as connection:
        told = {"driver": path.driver, "received": "yes" if outcome.received else "no"}
        act = audit.Act("delivery.tried", f"{target_id}/{path_id}", told)
        await audit.append(connection, actor, act, desk.clock.utc())
    return TrialBody(
        sent=outcome.sent,
        received=outcome.received,
        detail=outcome.detail[:500],
        took_s=round(outcome.took_s, 2),
    )


def _targets(plan: DeliveryPlan) -> tuple[TargetSettingsBody, ...]:
    found = []
    for target in plan.targets:
        paths = []
        for path in target.paths:
            hidden, values = secret_keys(path.driver), path.settings.model_dump()
            paths.append(
                PathSettingsBody(
                    id=path.id,
                    driver=path.driver,
                    settings={
                        key: value
                        for key, value in values.items()
                        if key not in hidden and value is not None
                    },
                    secrets={
                        key: str(values[key]).partition(":")[0]
                        for key in sorted(hidden)
                        if values[key] is not None
                    },
                )
            )
        found.append(TargetSettingsBody(id=target.id, paths=tuple(paths)))
    return tuple(found)
