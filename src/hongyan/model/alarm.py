"""What a customer may want to be told of, apart from messages: the switches of an alarm contact."""

import enum


class AlarmKind(enum.StrEnum):
    """The switches of the console's alarm page (seeds 001 and 002)."""

    SIGNATURE = "signature"
    """A signature was reviewed."""
    TEMPLATE = "template"
    """A template was reviewed."""
    QUALIFICATION = "qualification"
    """A qualification or the account's own papers were reviewed."""
    TRAFFIC = "traffic"
    """A day's messages passed the alarm value, or a daily cap."""
    FREQUENCY = "frequency"
    """Messages were refused by frequency limits: somebody may be flooding numbers."""
    BALANCE = "balance"
    """Packages are nearly used up, or expire soon; a bill is to be paid."""
    CALLBACK = "callback"
    """An address does not take its callbacks, and is paused until it does."""


REVIEWS = frozenset({AlarmKind.SIGNATURE, AlarmKind.TEMPLATE, AlarmKind.QUALIFICATION})
"""What the review callback is told of too."""
