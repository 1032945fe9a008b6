"""PlanRefusal
├── NotFoundRefusal   nothing of this kind here, or it belongs to a unit that the viewer cannot see
├── FormRefusal       a form whose fields are wrong
└── StepRefusal       the step is not possible now, or not for this person
"""

from __future__ import annotations

from api.place_names import Name


class PlanRefusal(Exception):  # noqa: N818 - it ends in an answer to a person, not in a traceback
    """A request that the plan refuses. `code` is a key `api.error.<code>` of the catalogue.

    A value that is words, such as the name of a state, is given in both languages.
    """

    def __init__(self, code: str, **values: str | int | Name) -> None:
        super().__init__(code)
        self.code = code
        self.values = values


class NotFoundRefusal(PlanRefusal):
    """Nothing has this number, as far as this viewer may know."""


class StepRefusal(PlanRefusal):
    """Not possible in this state, or not by this person."""


class FormRefusal(PlanRefusal):
    """A form whose fields are wrong; `fields` names each."""
