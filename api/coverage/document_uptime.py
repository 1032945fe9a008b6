"""The running record in the audit's document: who watched for how long, and what was seen."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class UptimeRate(_Part):
    """Healthy over watched time of a group of cameras; null where nobody watched."""

    target_share: float
    cameras: int
    healthy_share: float | None


class UptimeCamera(_Part):
    """One camera over the span; `target_share` is null in audits from before it was told."""

    camera_id: str
    watched_h: float
    healthy_share: float | None
    target_share: float | None = None


class UptimeUnwell(_Part):
    """A camera that was not well when the audit was made; the audit's shares count it all the same.

    `causes` are keys of the catalogue.
    """

    camera_id: str
    causes: list[str]


class UptimeArea(_Part):
    """One area over the span.

    `lost_m2_h` are square metres times hours that the plan promised and nobody saw; `blind_h` the
    hours in which the area was blind, all of them where no camera was ever meant to see it.
    """

    area_id: str
    watched_h: float
    lost_m2_h: float
    blind_h: float


class Uptime(_Part):
    """The running record of some days, both included.

    Attributes:
        span_h: their hours up to when this was made; null in audits from before it was told.
        cameras, areas: all of the site; one of which nothing is recorded was watched for no time.
        unwell: as far as it was known when this was made.
    """

    first_day: str
    last_day: str
    days: int
    rates: list[UptimeRate]
    cameras: list[UptimeCamera]
    areas: list[UptimeArea]
    span_h: float | None = None
    unwell: list[UptimeUnwell] = []

    @property
    def watched_h(self) -> float:
        """Hours in which the service watched."""
        hours = [one.watched_h for one in self.cameras] + [one.watched_h for one in self.areas]
        return max(hours, default=0.0)


__all__ = ["Uptime", "UptimeArea", "UptimeCamera", "UptimeRate", "UptimeUnwell"]
