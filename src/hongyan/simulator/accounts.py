"""What is owed to whoever logs on: receipts and replies, kept until they are acknowledged."""

import heapq
from collections import deque
from collections.abc import Iterable
from typing import Protocol

import msgspec

from hongyan.wire.smpp.pdu import DeliverSm, FramedDeliver


class Parcel(msgspec.Struct, gc=False):
    """One receipt or reply on its way to an account."""

    pdu: DeliverSm | FramedDeliver
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
        # The receivers are asked once; what they are given here is all that changes meanwhile.
        free = [
            (receiver.in_flight, number, receiver.in_flight + room, receiver)
            for number, receiver in enumerate(self.receivers)
            if (room := receiver.room) > 0
        ]
        heapq.heapify(free)
        while waiting and free:
            parcel = waiting.popleft()
            if parcel.done:
                continue
            load, number, most, receiver = free[0]
            parcel.attempts += 1
            receiver.give(parcel)
            sent += 1
            if load + 1 < most:
                heapq.heapreplace(free, (load + 1, number, most, receiver))
            else:
                heapq.heappop(free)
        return sent

    def take_back(self, parcels: Iterable[Parcel]) -> None:
        """What was given to a session that did not answer comes first next time, in its old order."""
        self.waiting.extendleft(reversed([parcel for parcel in parcels if not parcel.done]))
