"""One connection to the simulated carrier: who is bound, what may be asked, what waits to be written."""

import asyncio
from collections.abc import Callable
from typing import Protocol, cast

import structlog

from hongyan.simulator.accounts import Account, Parcel
from hongyan.simulator.centre import Centre
from hongyan.simulator.config import SimulatorConfig, may_bind
from hongyan.wire.session import Alive, Answered, Broken, Event, Late, Received, Session, TimedOut, Unreadable
from hongyan.wire.smpp import Smpp
from hongyan.wire.smpp.pdu import (
    AlertNotification,
    Bind,
    BindReceiver,
    BindReceiverResp,
    BindResp,
    BindTransceiver,
    BindTransceiverResp,
    BindTransmitter,
    BindTransmitterResp,
    CancelSm,
    CancelSmResp,
    DataSm,
    DataSmResp,
    DeliverSm,
    DeliverSmResp,
    GenericNack,
    Outbind,
    Pdu,
    QuerySm,
    QuerySmResp,
    ReplaceSm,
    ReplaceSmResp,
    SubmitMulti,
    SubmitMultiResp,
    SubmitSm,
    SubmitSmResp,
    Unbind,
    UnbindResp,
)
from hongyan.wire.smpp.tlv import Tag

log = structlog.get_logger(__name__)

ESME_RINVCMDID = 0x03
ESME_RINVBNDSTS = 0x04
ESME_RALYBND = 0x05
ESME_RBINDFAIL = 0x0D
ESME_RINVPASWD = 0x0E
VERSION = 0x34

BINDS: dict[type[Pdu], tuple[type[BindResp], bool, bool]] = {
    BindReceiver: (BindReceiverResp, False, True),
    BindTransmitter: (BindTransmitterResp, True, False),
    BindTransceiver: (BindTransceiverResp, True, True),
}
"""Each bind: its response, whether the session may submit, whether it receives."""

NOT_OFFERED: dict[type[Pdu], type[Pdu]] = {
    DataSm: DataSmResp,
    QuerySm: QuerySmResp,
    CancelSm: CancelSmResp,
    ReplaceSm: ReplaceSmResp,
    SubmitMulti: SubmitMultiResp,
    DeliverSm: DeliverSmResp,
}
"""Commands that this carrier does not offer its customers: answered with ESME_RINVCMDID, as many real ones do."""

WITHOUT_RESPONSE = (Outbind, AlertNotification)


class Shell(Protocol):
    """What a connection asks of the server it belongs to."""

    config: SimulatorConfig
    centre: Centre
    codec: Smpp
    clock: Callable[[], float]
    monotonic: Callable[[], float]

    def joined(self, connection: "Connection") -> bool:
        """False when there are too many."""
        ...

    def left(self, connection: "Connection") -> None: ...

    def stir(self, connection: "Connection") -> None:
        """It has something to write: have `write` called at the end of this turn of the loop."""
        ...


class Connection(asyncio.Protocol):
    """An asyncio shell around the wire's session. It decides about binds; submits and receipts are the centre's."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._session: Session[Pdu] = Session(
            shell.codec,
            window=shell.config.receipt_window,
            keepalive=shell.config.keepalive_s,
            patience=shell.config.response_s,
            now=shell.monotonic(),
        )
        self._opened_at = shell.monotonic()
        self._transport: asyncio.Transport | None = None
        self._account: Account | None = None
        self._submits = False
        self._receives = False
        self._paused = False
        self._closing = False

    # What the centre asks of a session.

    @property
    def account(self) -> Account:
        assert self._account is not None  # noqa: S101 - only bound connections hand submits to the centre
        return self._account

    @property
    def kind(self) -> str:
        """How it is bound: "trx", "tx", "rx", or "" when it is not."""
        if self._account is None:
            return ""
        return ("t" if self._submits else "") + ("r" if self._receives else "") + "x"

    @property
    def room(self) -> int:
        return 0 if self._paused else self._session.room

    @property
    def in_flight(self) -> int:
        return self._session.in_flight

    def give(self, parcel: Parcel) -> None:
        self._session.request(parcel.pdu, self._shell.monotonic(), parcel)
        self._shell.stir(self)

    def say(self, answer: Pdu) -> None:
        self._session.respond(answer)
        self._shell.stir(self)

    # What the server asks of a connection.

    def write(self) -> None:
        """Hand everything queued to the transport."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        data = self._session.outgoing()
        if data:
            transport.write(data)
        if self._closing:
            transport.close()

    def tick(self, now: float) -> None:
        """Probe, report what is overdue, and end a connection that does not bind."""
        self._heed(self._session.tick(now), now)
        if self._account is None and now - self._opened_at >= self._shell.config.session_init_s:
            self._close(now)
        self._shell.stir(self)

    def unbind(self, now: float) -> None:
        """Say goodbye; the connection closes once the other side has answered."""
        if self._account is None or self._session.broken is not None:
            self._close(now)
        else:
            self._session.request(Unbind(), now, windowed=False)
        self._shell.stir(self)

    def abort(self) -> None:
        """Cut the connection without a word; what was queued is not written."""
        if self._transport is not None:
            self._transport.abort()

    # What asyncio says.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but its bases
        if not self._shell.joined(self):
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        now = self._shell.monotonic()
        self._heed(self._session.receive(data, now), now)
        self._shell.stir(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._close(self._shell.monotonic())
        self._shell.left(self)

    def pause_writing(self) -> None:
        """The client does not read: it gets no more receipts, and is not read from either, so that nothing piles up."""
        self._paused = True
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._paused = False
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
        if self._account is not None:
            self._shell.centre.stir(self._account)
        self._shell.stir(self)

    # How it is done.

    def _heed(self, events: list[Event[Pdu]], now: float) -> None:
        wall = self._shell.clock()
        centre = self._shell.centre
        for event in events:
            if self._closing:
                return
            if isinstance(event, Received):
                pdu = event.pdu
                if type(pdu) is SubmitSm and self._submits:
                    centre.take(self, pdu, now, wall)
                else:
                    self._asked(pdu, now)
            elif isinstance(event, Answered) and type(event.token) is Parcel:
                centre.answered(self.account, event.token, _status(event.pdu), now)
            else:
                self._came(event, now)

    def _came(self, event: Event[Pdu], now: float) -> None:
        """Everything but the hot path among events. The only request of ours without a parcel is unbind."""
        centre = self._shell.centre
        match event:
            case Late(token=Parcel() as parcel, pdu=pdu):
                centre.answered_late(self.account, parcel, _status(pdu))
            case TimedOut(token=Parcel() as parcel):
                centre.unanswered(self.account, (parcel,))
            case Broken():
                self._gone(event)
                self._closing = True
            case Alive():
                if self._account is not None:
                    centre.stir(self._account)
            case Unreadable():
                log.info("simulator: a frame made no sense", why=event.reason)
            case _:
                self._close(now)

    def _asked(self, pdu: Pdu, now: float) -> None:
        """Everything but the hot path among requests."""
        kind = type(pdu)
        if isinstance(pdu, Bind):
            self._bind(pdu, now)
        elif kind is Unbind:
            self.say(UnbindResp(pdu.sequence))
            self._close(now)
        elif kind is SubmitSm:
            self.say(SubmitSmResp(pdu.sequence, ESME_RINVBNDSTS))
        elif kind in NOT_OFFERED:
            self.say(NOT_OFFERED[kind](pdu.sequence, ESME_RINVCMDID))
        elif kind not in WITHOUT_RESPONSE:
            self.say(GenericNack(pdu.sequence, ESME_RINVCMDID))

    def _bind(self, pdu: Bind, now: float) -> None:
        answer, submits, receives = BINDS[type(pdu)]
        status = self._refusal(pdu, now)
        self._shell.centre.counts.binds_refused += status != 0
        if status:
            log.info("simulator: bind refused", system_id=pdu.system_id, status=status)
            # Only a submit's refusal may leave out its body (SMPP 3.4 sections 4.1.2 and 4.4.2).
            self.say(answer(pdu.sequence, status, self._shell.config.system_id))
            if status != ESME_RALYBND:
                self._close(now)
            return
        self._submits, self._receives = submits, receives
        # To a peer of version 3.3 or older no optional parameter may be sent (SMPP 3.4 section 3.4.3).
        tlvs = ((Tag.SC_INTERFACE_VERSION, VERSION),) if pdu.interface_version >= VERSION else ()
        self.say(answer(pdu.sequence, 0, self._shell.config.system_id, tlvs))
        self._account = self._shell.centre.enter(pdu.system_id, self if receives else None)
        self._shell.centre.counts.binds += 1
        log.info("simulator: bound", system_id=pdu.system_id, kind=self.kind)

    def _refusal(self, pdu: Bind, now: float) -> int:
        if self._account is not None:
            return ESME_RALYBND
        if self._shell.centre.script.refuses_binds(now):
            return ESME_RBINDFAIL
        return 0 if may_bind(self._shell.config, pdu.system_id, pdu.password) else ESME_RINVPASWD

    def _close(self, now: float) -> None:
        """End the session; the connection closes once everything is written."""
        for event in self._session.eof(now):
            if isinstance(event, Broken):
                self._gone(event)
        self._closing = True

    def _gone(self, broken: Broken) -> None:
        account, self._account = self._account, None
        if account is not None:
            parcels = [token for token in (*broken.lost, *broken.unsent) if token is not None]
            self._shell.centre.leave(account, self if self._receives else None, parcels)
            log.info("simulator: session ended", system_id=account.system_id, why=broken.reason, unanswered=len(parcels))
        self._submits = self._receives = False


def _status(answer: Pdu) -> int:
    """The command_status of an answer to a receipt; generic_nack never means yes."""
    return answer.status or (ESME_RINVCMDID if isinstance(answer, GenericNack) else 0)
