"""Everything a site says of how alarms are answered: people, cards, buttons and sirens."""

from __future__ import annotations

from dataclasses import dataclass, field

from config.cards import CardBook
from config.cards_load import load_cards
from config.desk_plan import DeskPlan, load_desk_plan
from config.panels import PanelPlan
from config.panels_load import load_panels
from config.site import Site


@dataclass(frozen=True, slots=True)
class SiteResponse:
    """What `desk.yaml`, `cards.yaml` and `panels.yaml` say.

    Attributes:
        site: the site that they were checked against; `None` in tests without one.
    """

    desk: DeskPlan = field(default_factory=DeskPlan)
    cards: CardBook = field(default_factory=CardBook)
    panels: PanelPlan = field(default_factory=PanelPlan)
    site: Site | None = None


def load_response(site: Site) -> SiteResponse:
    """Read the three files beside the site file; each may be missing.

    Raises:
        ConfigFileError: with every problem of one file; each names file, line, key and mend.
    """
    desk = load_desk_plan(site)
    return SiteResponse(desk, load_cards(site, desk), load_panels(site), site)
