"""The scripted handsets: a table from a number's last digits to what the carrier does with messages to it."""

import enum

import msgspec


class State(enum.IntEnum):
    """message_state (SMPP 3.4 section 5.2.28), as far as the simulator reports it."""

    DELIVERED = 2
    EXPIRED = 3
    UNDELIVERABLE = 5


class Ending(msgspec.Struct, frozen=True):
    """How a message ends, in the words of a receipt (SMPP 3.4 appendix B)."""

    stat: str
    """The `stat:` field, at most 7 characters."""
    err: str
    """The `err:` field, 3 characters."""
    state: State


DELIVRD = Ending("DELIVRD", "000", State.DELIVERED)
UNDELIV = Ending("UNDELIV", "001", State.UNDELIVERABLE)
EXPIRED = Ending("EXPIRED", "002", State.EXPIRED)
MK_0001 = Ending("MK:0001", "001", State.UNDELIVERABLE)
"""Mainland carriers put their own seven-character words into `stat:`; the MK family comes from the home register."""


class Behaviour(msgspec.Struct, frozen=True):
    """What the carrier does with one segment to this handset."""

    submit_status: int = 0
    """command_status of the answer; anything but 0 means that nothing was taken and no receipt follows."""
    ending: Ending | None = DELIVRD
    """None: no receipt, ever."""
    receipt_after_s: float | None = None
    """Seconds from the submit to its receipt; None means the server's usual delay."""
    copies: int = 1
    """How often the receipt is sent."""
    answer_after_s: float = 0.0
    """How long the answer to the submit lags behind. The receipt does not wait for it."""
    reply: str = ""
    """What the handset writes back once its receipt is out; empty for nothing."""


ESME_RINVDSTADR = 0x0B

USUAL = Behaviour()
PREFIX = "1990000"
TABLE: dict[str, Behaviour] = {
    "0001": Behaviour(ending=UNDELIV),
    "0002": Behaviour(ending=None),
    "0003": Behaviour(receipt_after_s=30.0),
    "0004": Behaviour(submit_status=ESME_RINVDSTADR, ending=None),
    "0005": Behaviour(ending=EXPIRED),
    # A fifth of a second apart, so that the receipt cannot be read together with the answer it overtakes.
    "0006": Behaviour(receipt_after_s=0.0, answer_after_s=0.2),
    "0007": Behaviour(copies=2),
    "0008": Behaviour(reply="T"),
    "0009": Behaviour(ending=MK_0001),
}
_NATIONAL_DIGITS = 11
_HOME_LENGTHS = {11: "", 13: "86", 14: "+86", 15: "0086"}


def behaviour(address: str) -> Behaviour:
    """What happens to messages for `address`, written as 1990000NNNN with or without +86, 86 or 0086."""
    # This runs once for each submit, and nearly every number is an ordinary one.
    if address[-_NATIONAL_DIGITS:-4] != PREFIX:
        return USUAL
    if _HOME_LENGTHS.get(len(address)) != address[:-_NATIONAL_DIGITS]:
        return USUAL
    return TABLE.get(address[-4:], USUAL)
