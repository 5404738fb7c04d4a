"""What is owed to whoever logs on: receipts and replies, kept until they are acknowledged."""

from collections import deque
from collections.abc import Iterable
from typing import Protocol

import msgspec

from hongyan.simulator.receipts import Framed
from hongyan.wire.smpp.pdu import DeliverSm


class Parcel(msgspec.Struct, gc=False):
    """One receipt or reply on its way to an account."""

    pdu: DeliverSm | Framed
    attempts: int = 0
    done: bool = False
    """Acknowledged, or given up: wherever it still waits it is passed over."""


class Receiver(Protocol):
    """A session that can take parcels."""

    @property
    def room(self) -> int:
        """How many more it takes now."""
        ...

    @property
    def in_flight(self) -> int: ...

    def give(self, parcel: Parcel) -> None: ...


class Account:
    """One system_id: what is owed to it, oldest first, and its sessions that can receive."""

    def __init__(self, system_id: str) -> None:
        self.system_id = system_id
        self.sessions = 0
        """Bound ones of any kind."""
        self.receivers: list[Receiver] = []
        self.waiting: deque[Parcel] = deque()
        self.owed = 0
        """Parcels not done, wherever they are."""

    def hand_out(self) -> int:
        """Give what waits to the receivers as far as they have room, each time to the least loaded one; how many went out."""
        waiting = self.waiting
        sent = 0
        while waiting:
            receiver = self._least_loaded()
            if receiver is None:
                break
            # One look at the receivers for as many parcels as keep it the right choice.
            share = receiver.room if len(self.receivers) == 1 else 1
            while share and waiting:
                parcel = waiting.popleft()
                if not parcel.done:
                    parcel.attempts += 1
                    receiver.give(parcel)
                    share -= 1
                    sent += 1
        return sent

    def take_back(self, parcels: Iterable[Parcel]) -> None:
        """What was given to a session that did not answer comes first next time, in its old order."""
        self.waiting.extendleft(reversed([parcel for parcel in parcels if not parcel.done]))

    def _least_loaded(self) -> Receiver | None:
        free = [receiver for receiver in self.receivers if receiver.room > 0]
        return min(free, key=lambda receiver: receiver.in_flight, default=None)
