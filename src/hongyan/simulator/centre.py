"""The short message centre: what becomes of every submit, receipt and order. No I/O; time is an argument."""

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from hongyan.simulator.accounts import Account, Parcel, Receiver
from hongyan.simulator.config import SimulatorConfig
from hongyan.simulator.handsets import ESME_RINVDSTADR, Behaviour, behaviour
from hongyan.simulator.ids import FORMS, first_id
from hongyan.simulator.journal import Entry, digest_of
from hongyan.simulator.orders import LONGEST_ADDRESS, Reply, Wrong
from hongyan.simulator.receipts import date, receipt, wanted
from hongyan.simulator.replies import reply
from hongyan.simulator.script import ESME_RMSGQFUL, ESME_ROK, ESME_RTHROTTLED, Script
from hongyan.simulator.seen import Seen
from hongyan.simulator.segments import Segment, segment_of
from hongyan.simulator.wheel import Wheel
from hongyan.wire.smpp.pdu import DeliverSm, SubmitSm, SubmitSmResp
from hongyan.wire.smpp.tlv import Tag, integer

ESME_RINVSRCADR = 0x0A
REFERENCE_TAG = int(Tag.USER_MESSAGE_REFERENCE)
ESME_RX_P_APPN = 0x65
ESME_RX_R_APPN = 0x66
FOR_GOOD = frozenset({ESME_RX_P_APPN, ESME_RX_R_APPN})
"""Answers to a receipt after which no carrier would send it again (SMPP 3.4 table 5-2); after every other error it comes again."""


class Sender(Protocol):
    """A session that submits."""

    @property
    def account(self) -> Account: ...

    def say(self, answer: SubmitSmResp) -> None:
        """Write the answer, or drop it when the session has ended."""
        ...


class Counts(msgspec.Struct):
    """What happened since the start or the last reset."""

    binds: int = 0
    binds_refused: int = 0
    submits: int = 0
    taken: int = 0
    throttled: int = 0
    queue_full: int = 0
    declined: int = 0
    """Submits with any other error."""
    swallowed: int = 0
    receipts: int = 0
    """Receipts that came into being, copies included."""
    replies: int = 0
    """Segments of replies."""
    sent: int = 0
    """Receipts and replies handed to sessions, repetitions included."""
    acknowledged: int = 0
    deferred: int = 0
    """Answers that asked for the receipt later."""
    unanswered: int = 0
    """Receipts and replies whose answer did not come in time, or whose session ended first."""
    given_up: int = 0
    """Refused for good, tried too often, or forgotten because too many were owed."""


class Centre:
    """Decides, and remembers what is owed.

    Whoever drives it calls `due` at `next_due`, and `hand_out` after anything else: the sessions then have everything to write.
    `now` is monotonic seconds, `wall` Unix seconds.
    """

    def __init__(self, config: SimulatorConfig, *, started_at: float, record: Callable[[Entry], None] | None = None) -> None:
        self._config = config
        self._next_id = first_id(started_at)
        self._record = record
        self._parcels: Wheel[tuple[Account, Parcel]] = Wheel()
        self._answers: Wheel[tuple[Sender, SubmitSmResp]] = Wheel()
        self._accounts: dict[str, Account] = {}
        self._stirred: dict[Account, None] = {}
        self._last_sender = ""
        self._last_text, self._last_digest = b"", digest_of(b"")
        self._owed = 0
        self.script = Script(receipt_delay_s=config.receipt_delay_s, ids=config.ids)
        self.seen = Seen()
        self.counts = Counts()

    @property
    def owed(self) -> int:
        """Receipts and replies that are not yet acknowledged, on their way or waiting."""
        return self._owed

    def reset(self) -> None:
        """Faults off, counters at 0, nothing seen. What is owed stays owed."""
        self.script.reset()
        self.seen.clear()
        self.counts = Counts()

    # Sessions come and go.

    def enter(self, system_id: str, receiver: Receiver | None) -> Account:
        """A session of `system_id` was bound; `receiver` when it can receive."""
        account = self._account(system_id)
        account.sessions += 1
        if receiver is not None:
            account.receivers.append(receiver)
            self._stirred[account] = None
        return account

    def leave(self, account: Account, receiver: Receiver | None, unanswered: Sequence[Parcel]) -> None:
        """It is gone, and with it the answers to `unanswered`: these go out again."""
        account.sessions -= 1
        if receiver is not None:
            account.receivers.remove(receiver)
        self.unanswered(account, unanswered)
        self._drop_if_idle(account)

    # A submit and its answer.

    def take(self, sender: Sender, submit: SubmitSm, now: float, wall: float) -> None:
        """Decide about one submit: its answer, its receipt, what else follows."""
        handset = behaviour(submit.destination_addr)
        segment = segment_of(submit)
        status = self._status(submit, handset, now)
        message_id = ""
        if status == ESME_ROK:
            number = self._next_id
            self._next_id = number + 1
            forms = FORMS[self.script.ids]
            message_id = forms.answer(number)
            account = sender.account
            self._last_sender = account.system_id
            self.seen.note(submit.destination_addr, segment, system_id=account.system_id, sender=submit.source_addr)
            self._follow(account, submit, segment, handset, receipt_id=forms.receipt(number), now=now, wall=wall)
        if self._record is not None:
            self._record(
                Entry(
                    monotonic=now,
                    wall=wall,
                    system_id=sender.account.system_id,
                    phone=submit.destination_addr,
                    message_id=message_id,
                    status=status,
                    user_message_reference=integer(submit.tlvs, REFERENCE_TAG),
                    segment=segment.number,
                    total=segment.total,
                    digest=self._digest(segment.text),
                )
            )
        self._answer(sender, SubmitSmResp(submit.sequence, status, message_id), handset, now)

    def _digest(self, text: bytes) -> str:
        """`digest_of` the text; the same one often comes to many numbers in a row."""
        if text != self._last_text:
            self._last_text, self._last_digest = text, digest_of(text)
        return self._last_digest

    def _answer(self, sender: Sender, answer: SubmitSmResp, handset: Behaviour, now: float) -> None:
        """Say it now, later, or never."""
        if answer.status == ESME_ROK and self.script.swallows():
            self.counts.swallowed += 1
            return
        delay = handset.answer_after_s + self.script.slow_s
        if delay > 0 and len(self._answers) < self._config.owed:
            self._answers.add(now + delay, (sender, answer))
        else:
            sender.say(answer)

    def _status(self, submit: SubmitSm, handset: Behaviour, now: float) -> int:
        """command_status of the answer; counts it."""
        counts = self.counts
        counts.submits += 1
        status = self.script.admit(now)
        if status == ESME_ROK:
            status = _wrong_address(submit) or handset.submit_status
        if status == ESME_ROK and self._owed >= self._config.owed and not self._make_room():
            status = ESME_RMSGQFUL
        if status == ESME_ROK:
            counts.taken += 1
        elif status == ESME_RTHROTTLED:
            counts.throttled += 1
        elif status == ESME_RMSGQFUL:
            counts.queue_full += 1
        else:
            counts.declined += 1
        return status

    def _follow(
        self, account: Account, submit: SubmitSm, segment: Segment, handset: Behaviour, *, receipt_id: str, now: float, wall: float
    ) -> None:
        """What comes of a segment that was taken: receipts as asked for, and the handset's reply to the last segment."""
        script = self.script
        usual = script.receipt_delay_s if handset.receipt_after_s is None else handset.receipt_after_s
        after = usual + script.slow_s
        ending = handset.ending
        if ending is not None and wanted(submit.registered_delivery, ending):
            zone = self._config.utc_offset_s
            submitted, done = date(wall, zone), date(wall + after, zone)
            pdu = receipt(submit, segment.text, message_id=receipt_id, ending=ending, submitted=submitted, done=done)
            for _ in range(max(handset.copies, script.receipt_copies)):
                self.counts.receipts += 1
                self._owe(account, Parcel(pdu), now, after)
        text = handset.reply
        if script.answering:
            text = script.answering.get(submit.destination_addr.removeprefix("+"), text)
        if text and segment.number == segment.total:
            pdus = reply(submit.destination_addr, submit.source_addr, text, reference=self.counts.replies & 0xFF)
            self._reply(account, pdus, now, after)

    # What is owed.

    def write_back(self, order: Reply, now: float) -> Account | Wrong:
        """A handset sends a text; whose session will receive it, or why nobody's."""
        sight = next((sight for phone in _spellings(order.phone) if (sight := self.seen.sight(phone))), None)
        system_id = order.system_id or (sight.system_id if sight else self._last_sender)
        to = order.to or (sight.sender if sight else "")
        if not system_id:
            return Wrong("nobody has sent anything yet: say whose session receives it (`system_id`)")
        if not to:
            return Wrong("this phone was sent nothing yet: say which number it writes to (`to`)")
        if self._owed >= self._config.owed and not self._make_room():
            return Wrong("too many receipts and replies are owed already")
        account = self._account(system_id)
        pdus = reply(order.phone.removeprefix("+"), to, order.text, reference=self.counts.replies & 0xFF)
        self._reply(account, pdus, now, 0.0)
        return account

    def answered(self, account: Account, parcel: Parcel, status: int, now: float) -> None:
        """The account's answer to a receipt or reply."""
        if account.waiting:
            self._stirred[account] = None
        if parcel.done:
            return
        if status == ESME_ROK:
            self.counts.acknowledged += 1
            self._done(account, parcel)
        elif status in FOR_GOOD or parcel.attempts >= self._config.receipt_attempts:
            self.counts.given_up += 1
            self._done(account, parcel)
        else:
            self.counts.deferred += 1
            self._parcels.add(now + self._config.receipt_retry_s, (account, parcel))

    def answered_late(self, account: Account, parcel: Parcel, status: int) -> None:
        """As `answered`, for one that was put back already: only a yes changes anything."""
        if status == ESME_ROK and not parcel.done:
            self.counts.acknowledged += 1
            self._done(account, parcel)

    def unanswered(self, account: Account, parcels: Sequence[Parcel]) -> None:
        """These will not be answered by the session they were given to."""
        if parcels:
            self.counts.unanswered += len(parcels)
            account.take_back(parcels)
            self._stirred[account] = None

    # What time brings.

    def next_due(self) -> float | None:
        """When `due` has something to do."""
        dues = [due for due in (self._parcels.next_due(), self._answers.next_due()) if due is not None]
        return min(dues, default=None)

    def due(self, now: float) -> None:
        """Say the answers and release the receipts whose time has come."""
        for sender, answer in self._answers.take(now):
            sender.say(answer)
        for account, parcel in self._parcels.take(now):
            account.waiting.append(parcel)
            self._stirred[account] = None

    def stir(self, account: Account) -> None:
        """One of its sessions has room again."""
        self._stirred[account] = None

    def hand_out(self) -> None:
        """Give what waits to sessions that have room."""
        if self._stirred:
            self.counts.sent += sum(account.hand_out() for account in self._stirred)
            self._stirred.clear()

    # How it is done.

    def _account(self, system_id: str) -> Account:
        account = self._accounts.get(system_id)
        if account is None:
            account = self._accounts[system_id] = Account(system_id)
        return account

    def _drop_if_idle(self, account: Account) -> None:
        if not account.sessions and not account.owed and self._accounts.get(account.system_id) is account:
            del self._accounts[account.system_id]

    def _reply(self, account: Account, pdus: Sequence[DeliverSm], now: float, after: float) -> None:
        for pdu in pdus:
            self.counts.replies += 1
            self._owe(account, Parcel(pdu), now, after)

    def _owe(self, account: Account, parcel: Parcel, now: float, after: float) -> None:
        self._owed += 1
        account.owed += 1
        if after > 0:
            self._parcels.add(now + after, (account, parcel))
        else:
            account.waiting.append(parcel)
            self._stirred[account] = None

    def _done(self, account: Account, parcel: Parcel) -> None:
        parcel.done = True
        self._owed -= 1
        account.owed -= 1
        self._drop_if_idle(account)

    def _make_room(self) -> bool:
        """Forget the oldest parcel of the account that has most of them waiting; False when none waits."""
        fullest = max(self._accounts.values(), key=lambda account: len(account.waiting))
        while fullest.waiting:
            parcel = fullest.waiting.popleft()
            if not parcel.done:
                self.counts.given_up += 1
                self._done(fullest, parcel)
                return True
        return False


def _wrong_address(submit: SubmitSm) -> int:
    """The command_status for an address that no receipt could carry back, else 0."""
    to, source = submit.destination_addr, submit.source_addr
    if len(to) > LONGEST_ADDRESS or not to.removeprefix("+").isdigit() or not to.isascii():
        return ESME_RINVDSTADR
    return ESME_ROK if len(source) <= LONGEST_ADDRESS and source.isascii() else ESME_RINVSRCADR


def _spellings(phone: str) -> tuple[str, ...]:
    """How the sender may have written the number that an order names."""
    digits = phone.removeprefix("+")
    return (phone, digits, "+" + digits, "86" + digits, digits.removeprefix("86"))
