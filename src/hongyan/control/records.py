"""Records: what happened to a message, in order, in words."""

from collections.abc import Callable, Iterator

import msgspec

from hongyan.control import explain as rules
from hongyan.control.errors import ControlError, Fault
from hongyan.control.explain import CauseFound, RawCode, Reported, Taken, Telling, Waiting
from hongyan.control.permissions import demand, own_app, own_apps
from hongyan.control.timeline import Entry, Rows, Step, Timeline, begins_at, timeline, unix
from hongyan.kit import ids
from hongyan.kit.db import Connection, Database, Row
from hongyan.model.actor import Actor, Permission
from hongyan.model.carrier import Verdict
from hongyan.model.causes import Situation
from hongyan.model.event import EventKind
from hongyan.model.message import Kind, Status
from hongyan.model.phone import e164, mask
from hongyan.model.protection import Hours
from hongyan.model.reject import Reject
from hongyan.model.replay import signed_at
from hongyan.model.ways import ROUTES, serves
from hongyan.store import endpoints, links, protections, records
from hongyan.store.outbox import Callback

PAGE_MOST = 1_000
NEWEST = 2**62
DAY_S = 86_400.0
DAYS_BACK = 3
"""So long refusals are kept."""
MOST_DAYS = 32
MOST_EXPLAINED = 20
EVENTS_KEPT_S = 6 * DAY_S
"""Events are kept for a week: of an older message nobody can say whether the customer was told."""


class Glance(msgspec.Struct, frozen=True):
    """A message in a list."""

    message_id: int
    app_id: int
    phone: str
    kind: Kind
    segments: int
    accepted_at: float
    status: Status
    code: str


class Explanation(msgspec.Struct, frozen=True):
    """Why somebody got a message late, or not, or why that is not known."""

    message_id: int | None
    """None: it was refused, nothing was promised."""
    app_id: int
    phone: str
    at: float
    """When it was taken or refused; Unix seconds."""
    kind: Kind | None
    status: Status | None
    code: str
    request_id: str
    causes: tuple[CauseFound, ...]
    """In front what decides, then what else should be known."""
    hops: tuple[Entry, ...]
    codes: tuple[RawCode, ...]
    """For support."""
    taken: tuple[Taken, ...]
    """By which links, and the carriers' ids: for support."""


class Inquiry(msgspec.Struct, frozen=True):
    """What a number was to be sent of late, each explained."""

    phone: str
    since: float
    explanations: tuple[Explanation, ...]
    """The newest first."""
    causes: tuple[CauseFound, ...]
    """What is to be said when there is none."""


class Records:
    """Answers "why did my user not get it". Who may not see whole numbers sees them masked."""

    def __init__(self, db: Database, clock: Callable[[], float], hours: Hours | None) -> None:
        """`hours` are those of marketing where an application has none of its own."""
        self._db = db
        self._clock = clock
        self._hours = hours

    async def explain(self, actor: Actor, message_id: int, app_id: int | None = None) -> Explanation | None:
        """A message with its hops, what explains it, and its raw codes; None as with `timeline`."""
        demand(actor, Permission.READ)
        async with self._db.connection() as conn:
            row = await records.message(conn, await own_apps(conn, actor, app_id), message_id)
            return None if row is None else await _explained(conn, actor, row, self._clock(), self._hours)

    async def inquire(
        self, actor: Actor, phone: int, *, app_id: int | None = None, request_id: str = "", days: int = DAYS_BACK, most: int = 5
    ) -> Inquiry:
        """What a number was to be sent in so many days, of one request if given: messages and refusals, explained; at most 20.

        Of refusals those of the last three days are known, and of a flood of them only some. Raises ControlError when the request's number
        can be none.
        """
        demand(actor, Permission.READ)
        if not (request_id.isascii() and request_id.isprintable()):
            raise ControlError(
                Fault.INVALID,
                "请求编号只含可见的 ASCII 字符：请照抄应答头 X-Request-Id。",
                "A request's number has only visible ASCII characters: copy X-Request-Id of the answer.",
            )
        now, most = self._clock(), max(1, min(most, MOST_EXPLAINED))
        since = now - max(1, min(days, MOST_DAYS)) * DAY_S
        from_id = ids.first_id_at(since)
        async with self._db.connection() as conn:
            asked = await own_apps(conn, actor, app_id)
            taken = await records.to_number(conn, asked, phone, from_id=from_id, request_id=request_id, most=most)
            refused = {
                row["id"]: row for row in await records.refused(conn, asked, phone, from_id=from_id, request_id=request_id, most=most)
            }
            explained: list[Explanation] = []
            for id_ in sorted([*taken, *refused], reverse=True)[:most]:
                if id_ in refused:
                    explained.append(_refusal(actor, refused[id_]))
                elif (row := await records.message(conn, asked, id_)) is not None:
                    explained.append(await _explained(conn, actor, row, now, self._hours))
        nothing = () if explained else (rules.because(Situation.NEVER_SEEN),)
        return Inquiry(phone=_shown(actor, phone), since=since, explanations=tuple(explained), causes=nothing)

    async def timeline(self, actor: Actor, message_id: int, app_id: int | None = None) -> Timeline | None:
        """Everything known about a message; None when there is none of this application, or of any the actor may see."""
        demand(actor, Permission.READ)
        async with self._db.connection() as conn:
            row = await records.message(conn, await own_apps(conn, actor, app_id), message_id)
            return None if row is None else timeline(await _rows(conn, row), _shown(actor, row["phone"]))

    async def latest(
        self, actor: Actor, *, app_id: int | None = None, phone: int | None = None, before_id: int = NEWEST, most: int = 20
    ) -> list[Glance]:
        """The newest messages, of one application or to one number if given; at most 1,000, those older than `before_id`."""
        demand(actor, Permission.READ)
        async with self._db.connection() as conn:
            app_ids = await own_apps(conn, actor, app_id)
            rows = await records.latest(conn, app_ids, phone=phone, before_id=before_id, most=max(1, min(most, PAGE_MOST)))
        return [
            Glance(
                message_id=row["id"],
                app_id=row["app_id"],
                phone=_shown(actor, row["phone"]),
                kind=Kind(row["kind"]),
                segments=row["segments"],
                accepted_at=row["accepted_at"].timestamp(),
                status=Status(row["status"] or (Status.ACCEPTED if row["queued"] else Status.SUBMITTED)),
                code=row["code"] or "",
            )
            for row in rows
        ]


def _shown(actor: Actor, phone: int) -> str:
    return e164(phone) if Permission.REVEAL in actor.permissions else mask(phone)


async def _rows(conn: Connection, row: Row) -> Rows:
    app_id, message_id = row["app_id"], row["id"]
    return Rows(
        message=row,
        segments=await records.segments(conn, app_id, message_id),
        reports=await records.reports(conn, app_id, message_id),
        suspects=await records.suspects(conn, app_id, message_id),
        replies=await records.replies(conn, app_id, message_id, row["phone"]),
    )


async def _explained(conn: Connection, actor: Actor, row: Row, now: float, hours: Hours | None) -> Explanation:
    rows = await _rows(conn, row)
    told = timeline(rows, _shown(actor, row["phone"]))
    facts = await _facts(conn, actor, rows, now, hours)
    hops = (*_signing(facts.signed_at), *told.entries)
    return Explanation(
        message_id=row["id"],
        app_id=row["app_id"],
        phone=told.phone,
        at=facts.accepted_at,
        kind=facts.kind,
        status=told.status,
        code=told.code,
        request_id=row["request_id"],
        causes=rules.explain(facts),
        hops=tuple(sorted(hops, key=lambda entry: entry.at)),
        codes=rules.raw_codes(facts),
        taken=tuple(facts.taken),
    )


def _refusal(actor: Actor, row: Row) -> Explanation:
    at, reason = ids.time_of(row["id"]), Reject(row["reason"])
    signed = signed_at(row["request_id"], at)
    said = rules.because(reason)
    return Explanation(
        message_id=None,
        app_id=row["app_id"],
        phone=_shown(actor, row["phone"]),
        at=at,
        kind=None,
        status=None,
        code=reason.value,
        request_id=row["request_id"],
        causes=rules.explain_refusal(reason, row["detail"], at, signed),
        hops=(*_signing(signed), Entry(at, Step.REFUSED, f"拒绝受理：{said.zh}", f"refused: {said.en}")),
        codes=(RawCode(reason.value, "platform", 0),),
        taken=(),
    )


def _signing(at: float | None) -> Iterator[Entry]:
    if at is not None:
        yield Entry(at, Step.ASKED, "调用方发起请求（调用方的时钟，整秒）", "the caller made its request (its own clock, whole seconds)")


async def _facts(conn: Connection, actor: Actor, rows: Rows, now: float, hours: Hours | None) -> rules.Facts:
    row = rows.message
    app = await own_app(conn, actor, row["app_id"])
    standing = await records.standing(conn, app.id, app.account_id, row["phone"])
    end = _end(row)
    protection = await protections.get(conn, app.id)
    return rules.Facts(
        now=now,
        kind=Kind(row["kind"]),
        segments=row["segments"],
        accepted_at=unix(row["accepted_at"]),
        begins_at=begins_at(row),
        signed_at=signed_at(row["request_id"], unix(row["accepted_at"])),
        held_at=None if row["held_at"] is None else unix(row["held_at"]),
        waiting=await _waiting(conn, row),
        taken=[_taken(segment) for segment in rows.segments],
        reports=[
            Reported(report["sequence"], Verdict(report["verdict"]), report["code"], unix(report["done_at"])) for report in rows.reports
        ],
        doubts=len(rows.suspects),
        resent=any(suspect["resolution"] == "resent" for suspect in rows.suspects),
        end=end,
        told=await _telling(conn, row, end, now),
        hours=protection.settings.hours_or(hours),
        stopped=protection.stopped_at is not None,
        opted_out=standing.opted_out,
        blacklisted=standing.blacklisted,
    )


async def _waiting(conn: Connection, row: Row) -> Waiting | None:
    if row["not_before"] is None:
        return None
    route = ROUTES.get(row["way"])
    return Waiting(
        not_before=unix(row["not_before"]),
        attempted_at=None if row["attempted_at"] is None else unix(row["attempted_at"]),
        doubtful=row["resolve_at"] is not None,
        linked=route is None or any(link.config.enabled and serves(link.config, route) for link in await links.every(conn)),
    )


def _taken(segment: Row) -> Taken:
    return Taken(
        sequence=segment["sequence"],
        total=segment["total"],
        link=segment["link"] or "",
        carrier_id=segment["carrier_id"],
        submitted_at=unix(segment["submitted_at"]),
    )


def _end(row: Row) -> rules.End | None:
    if row["status"] is None:
        return None
    return rules.End(
        status=Status(row["status"]),
        code=row["code"],
        charged=row["charged"],
        by_link=row["ended_by"] is not None,
        done_at=unix(row["done_at"]),
        settled_at=unix(row["settled_at"]),
    )


async def _telling(conn: Connection, row: Row, end: rules.End | None, now: float) -> Telling:
    if row["owed"] is None:
        return Telling(owed=end is None or now - end.settled_at > EVENTS_KEPT_S)
    error, due = row["last_error"] or "", row["callback"] in {Callback.DUE, Callback.ELSEWHERE}
    failing = await endpoints.get(conn, (row["app_id"], EventKind.REPORT, row["place"] or "")) if due else None
    if failing is not None and failing.paused_at is not None:
        return Telling(owed=True, paused=True, error=failing.error)
    return Telling(
        owed=True,
        failing=due and bool(error),
        given_up=row["callback"] == Callback.DEAD,
        error=error,
    )
