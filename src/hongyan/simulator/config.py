"""How a simulated carrier is set up."""

import hmac

import msgspec

from hongyan.simulator.ids import Spelling


class SimulatorConfig(msgspec.Struct, frozen=True):
    """The settings of one server; every one has a value that works. Passwords are never logged."""

    password: str = ""
    """What every system_id without an account of its own must give; empty takes any."""
    accounts: dict[str, str] = {}
    """system_id -> password, for those with one of their own. When `password` is empty nobody else may bind."""
    system_id: str = "HONGYAN"
    """How the server names itself when it answers a bind."""
    receipt_delay_s: float = 0.3
    """Seconds from a submit to its receipt; 0 sends it right behind the answer."""
    receipt_window: int = 500
    """Receipts and replies in flight per session."""
    receipt_retry_s: float = 1.0
    """Pause before a receipt is sent again that the client asked to have later."""
    receipt_attempts: int = 10_000
    """How often one receipt is sent at most, not counting sessions that broke."""
    owed: int = 500_000
    """Receipts and replies kept at most; beyond that the oldest are forgotten and counted."""
    ids: Spelling = Spelling.SAME
    utc_offset_s: int = 28_800
    """The time zone of the dates in receipts: carriers write their local time."""
    session_init_s: float = 10.0
    """A connection that has not bound by then is closed."""
    keepalive_s: float = 60.0
    """An idle session is probed with enquire_link after this."""
    response_s: float = 60.0
    """A receipt not answered by then is sent again; a probe not answered by then ends the session."""
    connections: int = 256
    """At most so many at once; further ones are closed at once."""
    journal: str = ""
    """File that gets one line of JSON for each submit; empty for none."""


def may_bind(config: SimulatorConfig, system_id: str, password: str) -> bool:
    """Whether this login is right."""
    expected = config.accounts.get(system_id, config.password)
    if not expected:
        return not config.accounts
    return hmac.compare_digest(password.encode(), expected.encode())
