"""The session's laws: no cut changes events, garbage never raises, and two sessions back to back keep their windows."""

from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from hongyan.wire.session import Alive, Answered, Broken, Event, Late, Received, Session, TimedOut, WindowFull
from hongyan.wire.smpp import Smpp
from hongyan.wire.smpp.pdu import DeliverSm, EnquireLink, Pdu, SubmitSm, SubmitSmResp

WINDOW = 4
SMPP = Smpp()


def fresh(now: float = 0.0, keepalive: float = 30.0) -> Session[Pdu]:
    return Session(SMPP, window=WINDOW, keepalive=keepalive, patience=10.0, now=now)


PDUS = st.one_of(
    st.builds(SubmitSm, sequence=st.integers(1, 9), short_message=st.binary(max_size=30)),
    st.builds(DeliverSm, sequence=st.integers(1, 9), short_message=st.binary(max_size=30)),
    st.builds(SubmitSmResp, sequence=st.integers(1, 9)),
    st.builds(EnquireLink, sequence=st.integers(1, 9)),
)


def fed(stream: bytes, cuts: list[int]) -> tuple[list[Event[Pdu]], bytes]:
    session = fresh()
    for number in range(3):
        session.request(SubmitSm(), 0.0, number)
    session.outgoing()
    events: list[Event[Pdu]] = []
    places = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    for start, end in pairwise(places):
        events += session.receive(stream[start:end], 1.0)
    return events, session.outgoing()


@settings(max_examples=100)
@given(
    pieces=st.lists(st.one_of(PDUS.map(SMPP.encode), st.binary(max_size=40)), max_size=8),
    cuts=st.lists(st.integers(0, 2_000), max_size=12),
)
def test_events_do_not_depend_on_how_bytes_are_cut(pieces: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(pieces)
    assert fed(stream, cuts) == fed(stream, []) == fed(stream, list(range(len(stream))))


@settings(max_examples=100)
@given(stream=st.binary(max_size=200), now=st.floats(0, 100))
def test_garbage_never_raises(stream: bytes, now: float) -> None:
    session = fresh()
    events = session.receive(stream, now) + session.tick(now + 50.0) + session.eof(now + 50.0)
    assert isinstance(events[-1], Broken)
    assert session.room == 0
    assert session.receive(b"\0" * 16, now + 51.0) == session.tick(now + 99.0) == session.eof(now + 99.0) == []
    assert session.deadline() is None


class Pair(RuleBasedStateMachine):
    """A client and a server; bytes between them are delivered in any pieces, and time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.count = 0
        self.asked: set[int] = set()
        self.settled: dict[int, str] = {}
        self.owed: list[Pdu] = []
        self.wires: dict[str, bytearray] = {"out": bytearray(), "back": bytearray()}
        self.dead = False

    @initialize(first=st.sampled_from((1, 0x7FFFFFFD)))
    def connect(self, first: int) -> None:
        self.client = Session[Pdu](SMPP, window=WINDOW, keepalive=5.0, patience=10.0, now=0.0, first_sequence=first)
        self.server = fresh(keepalive=7.0)

    def note(self, events: list[Event[Any]]) -> None:
        for event in events:
            match event:
                case Answered(token, _, pdu):
                    assert token not in self.settled
                    assert pdu.message_id == str(token)
                    self.settled[token] = "answered"
                case TimedOut(token, _):
                    assert token not in self.settled
                    self.settled[token] = "timed out"
                case Late(token, _, _):
                    assert self.settled[token] == "timed out"
                    self.settled[token] = "late"
                case Broken(_, lost, unsent):
                    self.dead = True
                    for token in (*lost, *unsent):
                        assert token not in self.settled
                        self.settled[token] = "broken"

    def collect(self) -> None:
        self.wires["out"] += self.client.outgoing()
        self.wires["back"] += self.server.outgoing()

    @rule()
    def submit(self) -> None:
        if self.dead:
            return
        had_room = self.client.room > 0
        try:
            self.client.request(SubmitSm(source_addr=str(self.count)), self.now, self.count)
        except WindowFull:
            assert not had_room
        else:
            assert had_room
            self.asked.add(self.count)
            self.count += 1

    @rule(size=st.integers(1, 200))
    def carry_there(self, size: int) -> None:
        self.collect()
        piece = bytes(self.wires["out"][:size])
        del self.wires["out"][:size]
        for event in self.server.receive(piece, self.now):
            if not isinstance(event, Alive):
                assert isinstance(event, Received)
                self.owed.append(event.pdu)

    @rule(size=st.integers(1, 200))
    def carry_back(self, size: int) -> None:
        self.collect()
        piece = bytes(self.wires["back"][:size])
        del self.wires["back"][:size]
        self.note(self.client.receive(piece, self.now))

    @rule(which=st.integers(0, 20))
    def answer(self, which: int) -> None:
        if self.owed:
            asked = self.owed.pop(which % len(self.owed))
            assert isinstance(asked, SubmitSm)
            self.server.respond(SubmitSmResp(asked.sequence, 0, asked.source_addr))

    @rule(seconds=st.floats(0.1, 12))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        due = self.client.deadline()
        events = self.client.tick(self.now)
        if due is not None and due > self.now:
            assert events == []
        self.note(events)
        self.server.tick(self.now)
        after = self.client.deadline()
        assert after is None or after > self.now

    @invariant()
    def window_holds(self) -> None:
        if hasattr(self, "client"):
            assert 0 <= self.client.room <= WINDOW
            assert 0 <= self.client.in_flight <= WINDOW

    @invariant()
    def every_request_is_settled_or_in_flight(self) -> None:
        if hasattr(self, "client"):
            assert len(self.asked) == len(self.settled) + self.client.in_flight
        if self.dead:
            assert self.settled.keys() == self.asked


TestPair = Pair.TestCase
TestPair.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
