"""Why a message did not get out.

DeliveryError
├── PathError       the way is not usable now; the message may go another way, or later
├── RefusedError    the receiver answered and refuses this very message
└── SetupError      the path cannot work as it is set up (a secret, a certificate is missing)
"""

from __future__ import annotations


class DeliveryError(Exception):
    """Base; the text is for people and holds no secret."""


class PathError(DeliveryError):
    """No connection, no answer in time, a broken answer, or one that refuses key, clock or place.

    A key that expired is mended some day, and the message is the same good one then.
    """


class RefusedError(DeliveryError):
    """The receiver understood and said no; sending it again unchanged will not help."""


class SetupError(DeliveryError):
    """Nothing can be sent until a person mends the settings; the text says which."""
