"""Changes of where alarms go, made in the browser: checked, written to `delivery.yaml`, in force.

The file stays the one place of the settings. A change is judged as the file is at every start; then
its line in the audit log and the file are written, and the running sender reads the file. Secrets
are sealed under a name of their own for each entry, so that the file alone says which one holds.
"""

from __future__ import annotations

import asyncio
import secrets as randomness
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from api.access import audit
from api.access.actor import Actor
from api.delivery import ends
from api.delivery.entered import EnteredPath, Value
from api.delivery.outbox import Outbox
from api.delivery.plan_file import PlanFile
from api.delivery.settings_checks import (
    alone,
    check_addresses,
    check_known,
    difference,
    edited,
    has_target,
    lean,
    settings_of,
    wrong,
)
from api.problems import Problem
from api.work import Desk
from config import secret_store
from config.delivery import DeliveryFileError, DeliveryPath, DeliveryPlan
from config.delivery.edit import DeliveryDocument, replace_file
from config.delivery.form import secret_keys
from config.errors import ConfigError, SecretError

_OWN_SECRET = "delivery-"  # noqa: S105  # the beginning of a name, no secret


@dataclass(slots=True)
class DeliverySettings:
    """The settings of one running service.

    Attributes:
        file: the file as this process last saw it.
    """

    desk: Desk
    file: PlanFile
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def outbox(self) -> Outbox:
        if self.desk.outbox is None:
            raise TypeError("the application was not made by api.application.create_app")
        return self.desk.outbox

    @property
    def editable(self) -> bool:
        """A service that was not started on a site folder has no file to write."""
        return self.outbox.plan.directory != Path()

    def document(self) -> DeliveryDocument:
        """The file as it stands. Raises `Problem` when it cannot be read or written here."""
        if not self.editable:
            raise Problem(409, "delivery_not_editable")
        try:
            return DeliveryDocument.read(self.outbox.plan.directory)
        except OSError as error:
            raise Problem(409, "delivery_file_shut", reason=error.strerror or "") from None

    def present(self) -> tuple[DeliveryPlan, str, str]:
        """The plan in the file and its revision; why it cannot be used, and then that in force.

        Raises `Problem` when it cannot be read or written here.
        """
        document = self.document()
        try:
            return self.file.judged(document), document.revision, ""
        except DeliveryFileError as error:
            return self.outbox.plan, document.revision, str(error)

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Take over what is changed in the file by hand, until the block ends."""
        if not self.editable:
            yield
            return
        task = asyncio.create_task(self.file.follow(self._take), name="delivery-settings")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def _take(self, plan: DeliveryPlan) -> None:
        self.desk.outbox = replace(self.outbox, plan=plan)

    async def change_path(self, entered: EnteredPath, revision: str, actor: Actor) -> None:
        """Write a path, new or not. Raises `Problem`."""
        async with self._turn:
            document = self._seen(revision)
            before = settings_of(document, entered)
            settings = lean(entered.driver, self._with_references(entered, before), before)
            changed = edited(
                lambda known: known.with_path(
                    entered.target_id, entered.path_id, entered.driver, settings
                ),
                document,
                entered.target_id,
            )
            path = changed.plan().target(entered.target_id).path(entered.path_id)
            await asyncio.to_thread(check_addresses, path, document.directory, entered.secrets)
            await asyncio.to_thread(_seal, document.directory, settings, entered.secrets)
            told = difference(document, changed, entered)
            subject = f"{entered.target_id}/{entered.path_id}"
            await self._write(
                document, changed, audit.Act("delivery.path_set", subject, told), actor
            )

    @asynccontextmanager
    async def unsaved(self, entered: EnteredPath) -> AsyncIterator[DeliveryPath]:
        """The path as it would be saved, with its secrets sealed for as long as the block lasts.

        Raises `Problem` as `change_path` does.
        """
        async with self._turn:
            document = self.document()
            settings = self._with_references(entered, settings_of(document, entered))
            path = alone(entered, settings, document.directory)
            await asyncio.to_thread(check_addresses, path, document.directory, entered.secrets)
            await asyncio.to_thread(_seal, document.directory, settings, entered.secrets)
            try:
                yield path
            finally:
                with suppress(DeliveryFileError):
                    await asyncio.to_thread(_forget_unused, document)

    async def remove_path(self, target_id: str, path_id: str, revision: str, actor: Actor) -> None:
        """Raises `Problem`: the police keep two paths, or a reason."""
        async with self._turn:
            document = self._seen(revision)
            check_known(document, target_id, path_id)
            changed = edited(lambda known: known.without_path(target_id, path_id), document)
            act = audit.Act("delivery.path_removed", f"{target_id}/{path_id}")
            await self._write(document, changed, act, actor)

    async def change_target(
        self,
        target_id: str,
        keys: Mapping[str, object],
        first: EnteredPath | None,
        revision: str,
        actor: Actor,
    ) -> None:
        """A target's own keys; `first` is the first path of a new one. Raises `Problem`."""
        async with self._turn:
            document = self._seen(revision)
            wanted = dict(keys)
            if first is not None and not has_target(document, target_id):
                settings = self._with_references(first, {})
                wanted["paths"] = [
                    {"id": first.path_id, "driver": first.driver, "settings": settings}
                ]
                changed = edited(lambda known: known.with_target(target_id, wanted), document)
                path = changed.plan().target(target_id).path(first.path_id)
                await asyncio.to_thread(check_addresses, path, document.directory, first.secrets)
                await asyncio.to_thread(_seal, document.directory, settings, first.secrets)
            else:
                check_known(document, target_id)
                changed = edited(lambda known: known.with_target(target_id, wanted), document)
            told = {key: str(value)[:120] for key, value in keys.items() if value is not None}
            await self._write(
                document, changed, audit.Act("delivery.target_set", target_id, told), actor
            )

    async def remove_target(
        self, target_id: str, waiting: int, revision: str, actor: Actor
    ) -> None:
        """End a target; `waiting` says how many of its messages are given up by that.

        Raises `Problem` where another number of alarm messages waits: nobody gives up what they
        did not see.
        """
        async with self._turn:
            document = self._seen(revision)
            check_known(document, target_id)
            changed = edited(lambda known: known.without_target(target_id), document)
            act = audit.Act("delivery.target_removed", target_id, {"given_up": str(waiting)})

            async def give_up(connection: AsyncConnection) -> None:
                now = self.desk.clock.utc()
                why = "the receiver was removed by"
                await ends.give_up(connection, target_id, waiting, actor.name, why, now)

            await self._write(document, changed, act, actor, give_up)

    def _seen(self, revision: str) -> DeliveryDocument:
        """The file, where it is still the one that the person saw, and can be used."""
        document = self.document()
        if document.revision != revision:
            raise Problem(409, "delivery_settings_changed")
        try:
            self.file.judged(document)
        except DeliveryFileError as error:
            raise Problem(
                409, "delivery_file_broken", detail=str(error.problems[0])[:300]
            ) from None
        return document

    def _with_references(
        self, entered: EnteredPath, before: Mapping[str, object]
    ) -> dict[str, Value]:
        """The settings as the file will have them: a reference for every secret."""
        try:
            hidden = secret_keys(entered.driver)
        except KeyError:
            raise wrong("driver", f"there is no driver {entered.driver!r}") from None
        strange = sorted((set(entered.settings) & hidden) | (set(entered.secrets) - hidden))
        if strange:
            # A reference is never taken from outside: `file:` would read any file of the machine.
            raise wrong(strange[0], "a secret is entered, never referred to", "use `secrets`")
        settings = dict(entered.settings)
        for key in sorted(hidden):
            if entered.secrets.get(key):
                name = f"{_OWN_SECRET}{entered.target_id}-{entered.path_id}"[:40]
                settings[key] = f"sealed:{name}-{key.replace('_', '-')}-{randomness.token_hex(3)}"
            elif key not in entered.secrets and isinstance(before.get(key), str):
                settings[key] = str(before[key])
        return settings

    async def _write(
        self,
        before: DeliveryDocument,
        after: DeliveryDocument,
        act: audit.Act,
        actor: Actor,
        first: Callable[[AsyncConnection], Awaitable[None]] | None = None,
    ) -> None:
        """Audit line and file together; then the new plan holds in this process."""
        old, written = self.outbox.plan, False
        try:
            async with self.desk.database.write() as connection:
                if first is not None:
                    await first(connection)
                await audit.append(connection, actor, act, self.desk.clock.utc())
                await asyncio.to_thread(replace_file, after)
                written = True
                self._take(after.plan())
        except BaseException as error:
            if written:
                # The database took back what it said: so does the file.
                await asyncio.to_thread(replace_file, before)
                self._take(old)
            if isinstance(error, OSError):
                raise Problem(409, "delivery_file_shut", reason=error.strerror or "") from None
            raise
        await asyncio.to_thread(_forget_unused, after)


def _seal(directory: Path, settings: Mapping[str, Value], secrets: Mapping[str, str]) -> None:
    """Put the new secrets under the names that the settings refer to. Raises `Problem`."""
    entered = {key: value for key, value in secrets.items() if value}
    try:
        for key, value in entered.items():
            name = str(settings[key]).removeprefix("sealed:")
            secret_store.put(
                directory, secret_store.make_keys(secret_store.key_path()), name, value
            )
    except SecretError as error:
        raise wrong("secrets", str(error)) from None
    except OSError as error:
        raise Problem(409, "delivery_file_shut", reason=error.strerror or "") from None


def _forget_unused(document: DeliveryDocument) -> None:
    """Take secrets out that were entered here and that nothing refers to any more."""
    text = document.content.decode()
    with suppress(ConfigError, OSError):
        for name in secret_store.read_store(document.directory):
            if name.startswith(_OWN_SECRET) and f"sealed:{name}" not in text:
                secret_store.remove(document.directory, name)
