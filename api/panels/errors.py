"""PanelError
└── LinkError   a module does not answer, or answers with a refusal
"""


class PanelError(Exception):
    """Base of the refusals of inputs and outputs."""


class LinkError(PanelError):
    """A module does not answer, or refuses; the text says which register and why."""
