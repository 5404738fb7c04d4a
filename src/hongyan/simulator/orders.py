"""What a running simulator can be told over its control channel: one JSON object a line, told apart by `do`."""

import msgspec

from hongyan.simulator.ids import Spelling

MOST_SUBMITS = 1_000_000_000
"""No count in an order may be larger."""
LONGEST_S = 7 * 86400.0
"""No time in an order may be longer."""
LONGEST_ADDRESS = 20
"""Characters in a short message's address (SMPP 3.4 section 4.6.1)."""


class _Order(msgspec.Struct, frozen=True, tag_field="do", forbid_unknown_fields=True):
    """Unknown words are refused, so that a misspelt fault does not pass for a quiet carrier."""


class Reply(_Order, frozen=True, tag="reply"):
    """A handset sends a text."""

    phone: str
    text: str
    to: str = ""
    """The number it sends to; empty means the one that last sent to this phone."""
    system_id: str = ""
    """Whose session receives it; empty means the one that last sent to this phone, or else the one that sent last."""


class Answer(_Order, frozen=True, tag="answer"):
    """A handset writes this back to each message it is sent, until it is told otherwise."""

    phone: str
    text: str
    """Empty: it writes nothing back any more."""


class Throttle(_Order, frozen=True, tag="throttle"):
    """Answer submits with ESME_RTHROTTLED (0x58); both at 0 switch it off."""

    per_s: float = 0.0
    """Take this many a second, with at most one second's worth at once; 0 means no bound."""
    next: int = 0
    """Throttle this many submits whatever the rate."""


class QueueFull(_Order, frozen=True, tag="queue_full"):
    """Answer the next submits with ESME_RMSGQFUL (0x14)."""

    next: int


class Slow(_Order, frozen=True, tag="slow"):
    """Answer every submit this much later; 0 switches it off. Submits are taken at once all the same."""

    delay_s: float


class Drop(_Order, frozen=True, tag="drop"):
    """Cut all connections now, without unbind, and refuse binds for a while."""

    close: bool = True
    refuse_s: float = 0.0


class Swallow(_Order, frozen=True, tag="swallow"):
    """Take the next submits, send their receipts, but never answer them."""

    next: int


class Receipts(_Order, frozen=True, tag="receipts"):
    """Change how receipts come; what is left out stays as it is."""

    delay_s: float | None = None
    """The usual time from submit to receipt; 0 sends it right behind the answer."""
    copies: int | None = None
    """Each receipt is sent this often at least."""
    ids: Spelling | None = None


class Stats(_Order, frozen=True, tag="stats"):
    """Counters since the start or the last reset, and what is switched on."""


class Seen(_Order, frozen=True, tag="seen"):
    """Which numbers were sent to: distinct segments and further copies of the same ones."""

    phone: str = ""
    """Only this one, as it was submitted; empty for all."""
    duplicates: bool = False
    """Only numbers that received a copy."""
    after: int = 0
    """Paging: `next` of the answer before."""
    limit: int = 1000


class Reset(_Order, frozen=True, tag="reset"):
    """Switch all faults off, forget what was seen and start the counters at 0. Receipts still owed stay owed."""


class Kill(_Order, frozen=True, tag="kill"):
    """The carrier dies: connections are cut, receipts owed are lost, the server ends after this answer."""


Order = Reply | Answer | Throttle | QueueFull | Slow | Drop | Swallow | Receipts | Stats | Seen | Reset | Kill


class Wrong(msgspec.Struct, frozen=True):
    """The order was not understood or cannot be carried out, and nothing changed."""

    error: str


_decoder = msgspec.json.Decoder(Order)

_BOUNDS: tuple[tuple[str, float, float], ...] = (
    ("next", 0, MOST_SUBMITS),
    ("per_s", 0, MOST_SUBMITS),
    ("delay_s", 0, LONGEST_S),
    ("refuse_s", 0, LONGEST_S),
    ("copies", 1, 10),
    ("limit", 1, 10_000),
    ("after", 0, MOST_SUBMITS),
)


def read(line: bytes) -> Order | Wrong:
    """The order in one line of JSON."""
    try:
        order: Order = _decoder.decode(line)
    except msgspec.DecodeError as error:
        return Wrong(str(error))
    for name, least, most in _BOUNDS:
        value = getattr(order, name, None)
        if value is not None and not least <= value <= most:
            return Wrong(f"`{name}` must be from {least} to {most:g}")
    return _fault_in(order) if isinstance(order, Reply | Answer) else order


def _fault_in(order: Reply | Answer) -> Reply | Answer | Wrong:
    """The order, or what in it could not be carried by a deliver_sm."""
    digits = order.phone.removeprefix("+")
    if not digits.isascii() or not digits.isdigit() or len(order.phone) > LONGEST_ADDRESS:
        return Wrong(f"`phone` must be at most {LONGEST_ADDRESS} digits")
    if isinstance(order, Answer):
        return order
    if len(order.to) > LONGEST_ADDRESS or not order.to.isascii() or not order.to.isprintable():
        return Wrong(f"`to` must be at most {LONGEST_ADDRESS} plain characters")
    return order
