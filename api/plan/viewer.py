"""Who looks at the plan: a named person, the units of their roles, and what they see of each."""

from __future__ import annotations

from dataclasses import dataclass

from api.access.actor import Actor
from api.access.rights import Right
from api.plan.scopes import PlanScope, scope_of


@dataclass(frozen=True, slots=True)
class PlanViewer:
    """Who asks.

    Attributes:
        name: stands in every record and line of history.
        actor: roles and where they hold; a unit outside them answers as if it did not exist.
    """

    name: str
    actor: Actor

    def sees(self, unit_id: str) -> bool:
        return self.actor.may(Right.SEE_PLAN, site=unit_id)

    def may(self, right: Right, unit_id: str) -> bool:
        return self.actor.may(right, site=unit_id)

    def scope(self, unit_id: str | None) -> PlanScope:
        """What the roles that reach `unit_id` show of it; without one, of all units together."""
        return scope_of(grant.role for grant in self.actor.grants if grant.covers(unit_id, None))
