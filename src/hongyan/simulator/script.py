"""The faults that are switched on, and what they do to the submit at hand."""

import msgspec

from hongyan.simulator.ids import Spelling
from hongyan.simulator.orders import Answer, Drop, QueueFull, Receipts, Slow, Swallow, Throttle

ESME_ROK = 0x00
ESME_RMSGQFUL = 0x14
ESME_RTHROTTLED = 0x58

Fault = Throttle | QueueFull | Slow | Drop | Swallow | Receipts | Answer
ANSWERING_MOST = 10_000
"""Handsets that can be told what to write back; of more the first are forgotten."""


class Standing(msgspec.Struct, frozen=True):
    """What is switched on, for people to read."""

    throttle_per_s: float
    throttle_next: int
    queue_full_next: int
    slow_s: float
    swallow_next: int
    binds_refused_for_s: float
    receipt_delay_s: float
    receipt_copies: int
    ids: Spelling
    answering: int
    """Handsets that write back."""


class Script:
    """Which faults are on. Pure: time is an argument (monotonic seconds), and nothing here does anything by itself."""

    def __init__(self, *, receipt_delay_s: float, ids: Spelling) -> None:
        self._usual_delay_s = receipt_delay_s
        self._usual_ids = ids
        self.reset()

    def reset(self) -> None:
        """As at the start."""
        self.receipt_delay_s = self._usual_delay_s
        self.receipt_copies = 1
        self.ids = self._usual_ids
        self.slow_s = 0.0
        self.answering: dict[str, str] = {}
        self._per_s = 0.0
        self._allowance = 0.0
        self._refilled_at = 0.0
        self._throttle_next = 0
        self._queue_full_next = 0
        self._swallow_next = 0
        self._refuse_until = 0.0
        self._quiet = True

    def change(self, order: Fault, now: float) -> None:
        """Switch on what `order` says."""
        match order:
            case Throttle():
                self._per_s = order.per_s
                self._allowance = max(1.0, order.per_s)
                self._refilled_at = now
                self._throttle_next = order.next
            case QueueFull():
                self._queue_full_next = order.next
            case Slow():
                self.slow_s = order.delay_s
            case Drop():
                self._refuse_until = now + order.refuse_s
            case Swallow():
                self._swallow_next = order.next
            case Answer():
                self._answer(order.phone.removeprefix("+"), order.text)
            case Receipts():
                self.receipt_delay_s = self.receipt_delay_s if order.delay_s is None else order.delay_s
                self.receipt_copies = order.copies or self.receipt_copies
                self.ids = order.ids or self.ids
        self._quiet = not (self._per_s or self._throttle_next or self._queue_full_next)

    def _answer(self, phone: str, text: str) -> None:
        self.answering.pop(phone, None)
        if text:
            self.answering[phone] = text
        if len(self.answering) > ANSWERING_MOST:
            del self.answering[next(iter(self.answering))]

    def refuses_binds(self, now: float) -> bool:
        return now < self._refuse_until

    def admit(self, now: float) -> int:
        """The command_status for one submit as far as the faults decide it; counts it against them."""
        if self._quiet:
            return ESME_ROK
        if self._queue_full_next:
            self._queue_full_next -= 1
            return ESME_RMSGQFUL
        if self._throttle_next:
            self._throttle_next -= 1
            return ESME_RTHROTTLED
        if not self._per_s:
            return ESME_ROK
        most = max(1.0, self._per_s)
        self._allowance = min(most, self._allowance + (now - self._refilled_at) * self._per_s)
        self._refilled_at = now
        if self._allowance < 1.0:
            return ESME_RTHROTTLED
        self._allowance -= 1.0
        return ESME_ROK

    def swallows(self) -> bool:
        """Whether the answer to a submit that was taken stays unsaid; counts it."""
        if not self._swallow_next:
            return False
        self._swallow_next -= 1
        return True

    def standing(self, now: float) -> Standing:
        return Standing(
            throttle_per_s=self._per_s,
            throttle_next=self._throttle_next,
            queue_full_next=self._queue_full_next,
            slow_s=self.slow_s,
            swallow_next=self._swallow_next,
            binds_refused_for_s=max(0.0, self._refuse_until - now),
            receipt_delay_s=self.receipt_delay_s,
            receipt_copies=self.receipt_copies,
            ids=self.ids,
            answering=len(self.answering),
        )
