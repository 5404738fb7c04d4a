"""The checker of `make chaos`: of a history in which all is well it says nothing, and it finds each fault that is planted in one."""

import random
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.checker import Message, Package, Settlement, Tables, Verdict, check, count, longest_outage
from chaos.history import Answer, Book, History, Hit, Request, Strike, Written, read
from hongyan.cli.load.answers import TencentAnswers
from hongyan.cli.load.numbers import Numbers
from hongyan.cli.load.promises import Promises
from hongyan.model.message import Kind, Status
from hongyan.pipeline.accept import IN_DOUBT
from hongyan.simulator.journal import Entry

KINDS = tuple(Kind)


def submit(phone: str, segment: int = 1, status: int = 0) -> Entry:
    return Entry(1.0, 1.0, "hongyan", phone, "id", status, None, segment, 1, "digest")


class World:
    """A history and tables of `size` messages that were promised, sent, delivered and reported, all of them once."""

    def __init__(self, size: int = 12) -> None:
        self.history = History()
        self.tables = Tables()
        for number in range(size):
            self.add(number)

    def add(self, number: int) -> None:
        phone, kind = f"86139{number:08}", KINDS[number % len(KINDS)]
        segments = 1 + number % 2
        self.history.requests.append(Request(f"r{number}", kind.name.lower(), float(number), [phone]))
        self.history.answers.append(Answer(f"r{number}", number + 0.1, [phone]))
        self.history.submits += [submit(phone, segment) for segment in range(1, segments + 1)]
        self.history.hits.append(Hit(number + 0.5, [(number, "SUCCESS")]))
        self.tables.messages.append(Message(number, phone, kind, segments))
        self.tables.settlements[number] = Settlement(Status.DELIVERED, segments)

    def phone(self, number: int) -> str:
        return self.tables.messages[number].phone

    def end(self, number: int, status: Status) -> None:
        self.tables.settlements[number] = Settlement(status, None if status is Status.UNKNOWN else 1)

    def unsend(self, number: int) -> None:
        self.history.submits = [entry for entry in self.history.submits if entry.phone != self.phone(number)]

    def untell(self, number: int) -> None:
        self.history.hits = [hit for hit in self.history.hits if hit.reports[0][0] != number]

    def unanswer(self, number: int) -> None:
        self.history.answers = [answer for answer in self.history.answers if answer.id != f"r{number}"]

    def refuse(self, number: int) -> None:
        self.unanswer(number)
        self.history.answers.append(Answer(f"r{number}", 1.0, []))

    def verdict(self, **how: bool) -> Verdict:
        return check(self.history, self.tables, **how)


def broken(verdict: Verdict) -> set[str]:
    return {name for name in verdict.__struct_fields__ if getattr(verdict, name)}


def never_submitted(world: World) -> None:
    world.unsend(0)


def not_in_the_tables(world: World) -> None:
    world.unsend(0)
    world.untell(0)
    del world.tables.messages[0]


def a_segment_is_missing(world: World) -> None:
    world.history.submits = [entry for entry in world.history.submits if (entry.phone, entry.segment) != (world.phone(1), 2)]


def only_refused_submits(world: World) -> None:
    world.unsend(0)
    world.history.submits.append(submit(world.phone(0), status=0x58))


def a_code_twice(world: World) -> None:
    world.history.submits.append(submit(world.phone(0)))
    world.tables.suspects.add((0, 1))


def an_advertisement_twice(world: World) -> None:
    world.history.submits.append(submit(world.phone(2)))
    world.tables.suspects.add((2, 1))


def a_notice_three_times(world: World) -> None:
    world.history.submits += [submit(world.phone(1)), submit(world.phone(1))]
    world.tables.suspects.add((1, 1))


def a_copy_of_a_notice_that_nobody_suspects(world: World) -> None:
    world.history.submits.append(submit(world.phone(1)))


def a_copy_of_one_segment_while_another_is_suspected(world: World) -> None:
    world.history.submits.append(submit(world.phone(1), 2))
    world.tables.suspects.add((1, 1))


def sent_though_refused(world: World) -> None:
    world.refuse(3)


def written_though_refused(world: World) -> None:
    world.refuse(3)
    world.unsend(3)


def sent_to_a_stranger(world: World) -> None:
    world.history.submits.append(submit("8613800000000"))


def never_reported(world: World) -> None:
    world.untell(4)


def reported_as_failed(world: World) -> None:
    world.untell(4)
    world.history.hits.append(Hit(1.0, [(4, "FAIL")]))


def reported_twice_in_two_ways(world: World) -> None:
    world.history.hits.append(Hit(1.0, [(4, "FAIL")]))


def reported_while_unknown(world: World) -> None:
    world.end(4, Status.UNKNOWN)
    world.unsend(4)


def unknown_though_the_carrier_has_it(world: World) -> None:
    world.end(4, Status.UNKNOWN)
    world.untell(4)


def money_that_does_not_add_up(world: World) -> None:
    world.tables.packages.append(Package(1, 100, 90, 0, 10, {"buy": 100, "hold": 10, "post": 9}, 0, 10))


def a_hold_without_a_message(world: World) -> None:
    world.tables.packages.append(Package(1, 100, 90, 10, 0, {"buy": 100, "hold": 10}, 0, 0))


def a_charge_that_is_not_in_the_journal(world: World) -> None:
    world.tables.packages.append(Package(1, 100, 90, 0, 10, {"buy": 100, "hold": 10, "post": 10}, 0, 11))


def entries_left_in_the_queue(world: World) -> None:
    world.tables.queued = 1


def a_receipt_left_over(world: World) -> None:
    world.tables.parked = 1


def a_callback_still_due(world: World) -> None:
    world.tables.untold = 1


def never_ended(world: World) -> None:
    del world.tables.settlements[5]
    world.untell(5)


def a_broken_law(world: World) -> None:
    world.tables.laws["a law"] = ["a row"]


PLANTED: dict[Callable[[World], None], set[str]] = {
    never_submitted: {"lost"},
    not_in_the_tables: {"lost"},
    a_segment_is_missing: {"lost"},
    only_refused_submits: {"lost"},
    a_code_twice: {"twice"},
    an_advertisement_twice: {"twice"},
    a_notice_three_times: {"twice"},
    a_copy_of_a_notice_that_nobody_suspects: {"undetected"},
    a_copy_of_one_segment_while_another_is_suspected: {"undetected"},
    sent_though_refused: {"unexpected"},
    written_though_refused: {"unexpected"},
    sent_to_a_stranger: {"unexpected"},
    never_reported: {"unreported"},
    reported_as_failed: {"contradicted"},
    reported_twice_in_two_ways: {"contradicted"},
    reported_while_unknown: {"contradicted"},
    unknown_though_the_carrier_has_it: {"forgotten"},
    money_that_does_not_add_up: {"drift"},
    a_hold_without_a_message: {"drift"},
    a_charge_that_is_not_in_the_journal: {"drift"},
    entries_left_in_the_queue: {"open"},
    a_receipt_left_over: {"open"},
    a_callback_still_due: {"open"},
    never_ended: {"open"},
    a_broken_law: {"laws"},
}


def test_there_is_a_planted_fault_for_everything_that_can_be_found() -> None:
    assert set().union(*PLANTED.values()) == set(Verdict.__struct_fields__)


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_a_planted_fault_is_found_and_called_by_its_name(plant: Callable[[World], None]) -> None:
    world = World()
    assert world.verdict() == Verdict()
    plant(world)
    verdict = world.verdict()
    assert broken(verdict) == PLANTED[plant]
    assert not verdict.clean


@given(st.sets(st.sampled_from(list(PLANTED)), min_size=1), st.randoms(use_true_random=False))
def test_faults_do_not_hide_each_other_whatever_the_order(plants: set[Callable[[World], None]], chance: random.Random) -> None:
    """Each is planted among messages of its own."""
    whole = World(0)
    for plant in chance.sample(sorted(plants, key=lambda plant: plant.__name__), len(plants)):
        world = World()
        plant(world)
        merge(whole, world)
    chance.shuffle(whole.history.submits)
    chance.shuffle(whole.history.answers)
    assert broken(whole.verdict()) == set().union(*(PLANTED[plant] for plant in plants))


def merge(whole: World, world: World) -> None:
    """Add a world under other numbers and ids."""
    step = 1000 * (1 + len(whole.history.requests))

    def other(phone: str) -> str:
        return f"86{int(phone[2:]) + step}"

    whole.history.requests += [Request(f"{step}{r.id}", r.kind, r.at, [other(p) for p in r.phones]) for r in world.history.requests]
    whole.history.answers += [Answer(f"{step}{a.id}", a.at, [other(p) for p in a.ok]) for a in world.history.answers]
    whole.history.hits += [Hit(h.at, [(i + step, word) for i, word in h.reports]) for h in world.history.hits]
    whole.history.submits += [msgspec.structs.replace(entry, phone=other(entry.phone)) for entry in world.history.submits]
    whole.tables.messages += [Message(m.id + step, other(m.phone), m.kind, m.segments) for m in world.tables.messages]
    whole.tables.settlements |= {i + step: settlement for i, settlement in world.tables.settlements.items()}
    whole.tables.suspects |= {(i + step, segment) for i, segment in world.tables.suspects}
    whole.tables.packages += world.tables.packages
    whole.tables.laws |= world.tables.laws
    for name in ("queued", "parked", "untold"):
        setattr(whole.tables, name, getattr(whole.tables, name) + getattr(world.tables, name))


def test_what_may_happen_is_no_fault() -> None:
    world = World()
    # A notice that may have been sent, listed and sent again; its report told twice; a code of which nobody knows, and never was sent.
    world.history.submits.append(submit(world.phone(1)))
    world.tables.suspects.add((1, 1))
    world.history.hits.append(Hit(9.0, [(1, "SUCCESS")]))
    world.end(0, Status.UNKNOWN)
    world.unsend(0)
    world.untell(0)
    # A request without an answer, sent all the same.
    world.unanswer(6)
    world.tables.packages.append(Package(1, 100, 88, 2, 10, {"buy": 100, "hold": 13, "post": 10, "void": 1}, 2, 10))
    assert world.verdict() == Verdict()
    counts = count(world.history, world.tables)
    assert (counts.messages, counts.unanswered, counts.unanswered_sent) == (11, 1, 1)
    assert (counts.duplicated, counts.suspects, counts.reports_repeated) == ({"notice": 1}, 1, 1)
    assert (counts.unknown, counts.unknown_unsent) == (1, 1)


def test_a_carrier_that_was_killed_is_not_asked_for_what_it_forgot() -> None:
    world = World()
    world.unsend(0)
    world.tables.taken.add((0, 1))
    del world.tables.settlements[0]
    world.untell(0)
    assert broken(world.verdict()) == {"lost", "open"}
    assert world.verdict(carrier_remembers=False) == Verdict()


def test_the_longest_outage_is_the_longest_time_without_a_promise() -> None:
    history = History(requests=[Request(f"r{n}", "notice", float(n), []) for n in range(11)])
    history.answers = [Answer("r0", 0.5, ["x"]), Answer("r1", 1.0, ["x"]), Answer("r2", 4.0, []), Answer("r9", 9.5, ["x"])]
    assert longest_outage(history) == 8.5
    assert longest_outage(History()) == 0.0


def test_a_book_reads_as_it_was_written_but_for_a_line_that_was_cut(tmp_path: Path) -> None:
    path = tmp_path / "book"
    book = Book(path)
    promises = Written(Promises(Numbers(7), 2, TencentAnswers()), "notice", "s", book)
    phones = [f"86{promises.numbers.national(index)}" for index in range(4)]
    first, second = promises.begin(0.0), promises.begin(0.0)
    body = {"SendStatusSet": [{"PhoneNumber": f"+{phones[0]}", "Code": "Ok"}, {"PhoneNumber": f"+{phones[1]}", "Code": "Limit"}]}
    assert promises.answer(first, 200, msgspec.json.encode({"Response": body}), 2.5)
    # Nobody knows what became of it: no answer.
    doubt = {"Error": {"Code": "InternalError", "Message": f"An internal error: {IN_DOUBT}"}}
    assert not promises.answer(second, 200, msgspec.json.encode({"Response": doubt}), 3.5)
    book.hit("/", b'[{"sid":"2021:12","report_status":"FAIL"}]')
    book.struck("engine", "kill")
    book.close()
    path.write_bytes(path.read_bytes() + b'{"type":"answ')
    history = read(path, [])
    assert [(request.id, request.kind, request.phones) for request in history.requests] == [
        ("s-0", "notice", phones[:2]),
        ("s-1", "notice", phones[2:]),
    ]
    assert history.answers == [Answer("s-0", 2.5, phones[:1])]
    assert [hit.reports for hit in history.hits] == [[(12, "FAIL")]]
    assert [type(strike) for strike in history.strikes] == [Strike]
