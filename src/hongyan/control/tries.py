"""How often somebody may try to prove who they are."""

import ipaddress
from collections.abc import Sequence

import msgspec

from hongyan.control.errors import ControlError, Fault
from hongyan.kit.db import Database
from hongyan.kit.secretbox import SecretBox
from hongyan.store import tries

CONTEXT = "tries"
KEPT_S = 86_400.0


class Bound(msgspec.Struct, frozen=True):
    """So many tries of one subject in so many seconds."""

    what: str
    most: int
    within_s: float


BY_PERSON = Bound("person", 10, 900.0)
BY_DEVICE = Bound("device", 10, 900.0)
"""From a device on which the person has signed in before: guesses of strangers do not count against it."""
BY_ADDRESS = Bound("address", 100, 3600.0)
BY_CODE = (Bound("code", 5, 900.0), Bound("code", 30, KEPT_S))
"""Of a million codes three are good at any time: a day of guessing finds one in 11,000 times."""
BY_OWN = Bound("own", 10, 900.0)
"""By who is signed in already, or holds a ticket: strangers cannot use these up."""
BY_TICKET = Bound("ticket", 3, 3600.0)
"""Letters with tickets to one address."""

BY_INVITER = Bound("invitations", 50, 3600.0)
"""Invitations by one account: nobody writes letters to the whole world through us."""

Counted = tuple[Bound, str]
"""A bound, and whom it is about."""


def by_address(address: str) -> list[Counted]:
    """Those who are counted together: an IPv4 address, a /64 of IPv6, which one customer of a provider has; nobody without an address."""
    return [(BY_ADDRESS, _group(address))] if address else []


def _group(address: str) -> str:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        return str(found.ipv4_mapped or ipaddress.ip_network((found, 64), strict=False))
    return str(found)


class Tries:
    """Each try is counted, and committed, before what was given is looked at; one that is refused does not count."""

    def __init__(self, db: Database, box: SecretBox) -> None:
        self._db = db
        self._box = box

    async def count(self, counted: Sequence[Counted], now: float) -> None:
        """Raises ControlError with when to try again."""
        subjects = [self._mark(each) for each in counted]
        async with self._db.transaction() as tx:
            await tries.lock(tx, subjects)
            for (bound, _whom), subject in zip(counted, subjects, strict=True):
                last = await tries.newest(tx, subject, since=now - bound.within_s, most=bound.most)
                if len(last) >= bound.most:
                    raise too_often(last[-1] + bound.within_s - now, forgotten=bound in {BY_PERSON, BY_DEVICE})
            await tries.add(tx, sorted(set(subjects)), now)

    async def forget(self, proved: Sequence[Counted], once: Sequence[Counted], now: float) -> None:
        """It was they: their tries are forgotten, of others' only the one of `now`."""
        async with self._db.transaction() as tx:
            await tries.forget(tx, [self._mark(each) for each in proved], now - KEPT_S)
            await tries.forget(tx, [self._mark(each) for each in once], now)

    def _mark(self, counted: Counted) -> bytes:
        bound, whom = counted
        return self._box.mark(f"{bound.what}:{whom}".encode(), CONTEXT)


def too_often(retry_in_s: float, *, forgotten: bool = False) -> ControlError:
    """With `forgotten` it reminds of the way past a password."""
    minutes = max(1, round(retry_in_s / 60 + 0.5))
    zh, en = ("，或重设密码", ", or set a new password") if forgotten else ("", "")
    return ControlError(
        Fault.TOO_OFTEN,
        f"次数过多：请 {minutes} 分钟后再试{zh}。",
        f"Too often: try again in {minutes} minute(s){en}.",
        retry_in_s=max(1.0, retry_in_s),
    )
