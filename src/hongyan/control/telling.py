"""Turning notices into alarms and telling them: the first at once, what follows gathered with counts, until whoever is told has heard."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Protocol

import structlog

from hongyan.control import alarm_words, tokens
from hongyan.kit.db import Connection, Database
from hongyan.kit.http import Answer, Failed
from hongyan.kit.retry import delay
from hongyan.kit.secretbox import SecretBox
from hongyan.kit.webhook import headers
from hongyan.model.alarm import REVIEWS, AlarmKind
from hongyan.model.event import NoticeEvent
from hongyan.store import alarms, app_callbacks, apps, notices, outbox
from hongyan.store.alarms import AlarmRow, ContactRow, Medium
from hongyan.store.notices import NoticeRow

log = structlog.get_logger()

QUIET_S = 300.0
"""After an alarm of a kind, what happens of the same kind is gathered for so long and then told as one."""
NOTICES_AT_ONCE = 500
ALARMS_AT_ONCE = 20
LEASE_S = 120.0
FIRST_RETRY_S, LONGEST_RETRY_S = 15.0, 3600.0
GIVE_UP_AFTER_S = 86_400.0
KEPT_S = 30 * 86_400.0
HTTP_OK = range(200, 300)
GONE = "the contact, or this way to it, is no more"

Mail = Callable[[str, str, str], Awaitable[str | None]]
"""(to, subject, text): None when it was handed in, else why not."""
Text = Callable[[int, str, tuple[str, ...]], Awaitable[str | None]]
"""(number, template of `alarm_words.SMS`, values): as Mail."""


class Poster(Protocol):
    """An HTTP client that can be trusted with addresses customers give."""

    async def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer | Failed: ...


class Telling:
    """Jobs that any process may do at any time; row locks keep two of them apart."""

    def __init__(
        self,
        db: Database,
        box: SecretBox,
        *,
        clock: Callable[[], float],
        jitter: Callable[[], float],
        post: Poster,
        mail: Mail,
        text: Text,
        new_id: Callable[[], int],
        quiet_s: float = QUIET_S,
    ) -> None:
        """`new_id` gives the events of applications that are told of what happens theirs."""
        self._db = db
        self._box = box
        self._clock = clock
        self._jitter = jitter
        self._post = post
        self._mail = mail
        self._text = text
        self._quiet_s = quiet_s
        self._new_id = new_id

    async def gather(self) -> int:
        """Make alarms of what has happened; returns how many. What was told of lately waits, so that it is told as one."""
        now = self._clock()
        async with self._db.transaction() as tx:
            found = await notices.waiting(tx, told_before=now - self._quiet_s, most=NOTICES_AT_ONCE)
            made = 0
            for (account_id, app_id, kind), some in itertools.groupby(sorted(found, key=_about), key=_about):
                await self._owe(tx, account_id, app_id or None, AlarmKind(kind), found_of := list(some))
                made += await self._turn(tx, account_id, app_id or None, AlarmKind(kind), found_of)
            await notices.remove(tx, [notice.id for notice in found])
        return made

    async def _owe(self, tx: Connection, account_id: int, app_id: int | None, kind: AlarmKind, some: Sequence[NoticeRow]) -> None:
        """Each thing by itself, on the rails of callbacks, to applications that want to be told of it."""
        for row in await app_callbacks.subscribed(tx, account_id, app_id, kind.value):
            for notice in some:
                type_, data = alarm_words.event(notice)
                await outbox.put_notice(tx, NoticeEvent(row.app_id, self._new_id(), type_, notice.at, data), self._clock())

    async def _turn(self, tx: Connection, account_id: int, app_id: int | None, kind: AlarmKind, some: Sequence[NoticeRow]) -> int:
        now = self._clock()
        told = [
            _alarm(some, now, contact_id=contact.id, medium=medium, app_id=app_id or contact.app_id)
            for contact in _once(await alarms.contacts(tx, account_id=account_id, app_id=app_id))
            if kind in contact.kinds
            for medium in contact.media
        ]
        if told:
            await alarms.mark(tx, account_id, app_id or 0, f"told of {kind}", now)
        if kind in REVIEWS and await alarms.review_hook(tx, account_id) is not None:
            told += [_alarm([notice], now, contact_id=None, medium=Medium.REVIEW, app_id=app_id) for notice in some]
        for alarm in told:
            await alarms.add(tx, alarm)
        return len(told)

    async def deliver(self) -> int:
        """Tell what is due; returns how many were heard. Whoever does not hear is told again, ever more rarely, for a day."""
        now = self._clock()
        async with self._db.connection() as conn:
            due = await alarms.claim(conn, now=now, lease_until=now + LEASE_S, most=ALARMS_AT_ONCE)
        return sum(await asyncio.gather(*(self._deliver(alarm) for alarm in due)))

    async def _deliver(self, alarm: AlarmRow) -> bool:
        why_not = await self._tell(alarm)
        async with self._db.connection() as conn:
            if why_not is None:
                await alarms.told(conn, alarm.id, self._clock())
            else:
                log.warning("alarm_not_told", alarm=alarm.id, medium=alarm.medium, kind=alarm.kind, why=why_not)
                await alarms.failed(conn, alarm.id, again_at=None if why_not == GONE else self._again_at(alarm), error=why_not)
        return why_not is None

    def _again_at(self, alarm: AlarmRow) -> float | None:
        now = self._clock()
        if now - alarm.created_at >= GIVE_UP_AFTER_S:
            return None
        return now + delay(alarm.attempts, first_s=FIRST_RETRY_S, longest_s=LONGEST_RETRY_S, jitter=self._jitter())

    async def _tell(self, alarm: AlarmRow) -> str | None:
        async with self._db.connection() as conn:
            contact = None if alarm.contact_id is None else await alarms.contact(conn, alarm.contact_id, alarm.account_id)
            app = None if alarm.app_id is None else await apps.get(conn, alarm.app_id)
            hook = await self._hook(conn, alarm, contact)
        name = "" if app is None else app.name
        if alarm.medium is Medium.REVIEW and hook is not None:
            return await self._call(hook, alarm, alarm_words.decision(alarm))
        if contact is None:
            return GONE
        if alarm.medium is Medium.HOOK and hook is not None:
            return await self._call(hook, alarm, alarm_words.payload(alarm, name, english=contact.english))
        if alarm.medium is Medium.MAIL and contact.email:
            letter = alarm_words.letter(alarm, name, english=contact.english)
            return await self._mail(contact.email, letter.subject, letter.text)
        if alarm.medium is Medium.SMS and contact.phone is not None:
            return await self._text(contact.phone, *alarm_words.sms_of(alarm))
        return GONE

    async def _hook(self, conn: Connection, alarm: AlarmRow, contact: ContactRow | None) -> tuple[str, str] | None:
        """Address and secret of the web hook, if there is one."""
        url, sealed = "", None
        if alarm.medium is Medium.REVIEW:
            hook = await alarms.review_hook(conn, alarm.account_id)
            url, sealed = ("", None) if hook is None else (hook.url, hook.secret_sealed)
        elif alarm.medium is Medium.HOOK and contact is not None:
            url, sealed = contact.hook_url, await alarms.hook_secret(conn, contact.id)
        return (url, self._box.open(sealed, tokens.hook_context(alarm.account_id))) if url and sealed is not None else None

    async def _call(self, hook: tuple[str, str], alarm: AlarmRow, body: str) -> str | None:
        url, secret = hook
        answer = await self._post(url, body.encode(), headers([secret], f"alarm_{alarm.id}", self._clock(), body))
        if isinstance(answer, Failed):
            return answer.reason
        return None if answer.status in HTTP_OK else f"HTTP {answer.status}; expected 2xx"

    async def sweep(self) -> None:
        """What was told a month ago goes."""
        async with self._db.connection() as conn:
            await alarms.sweep(conn, self._clock() - KEPT_S)


def _about(notice: NoticeRow) -> tuple[int, int, str]:
    return (notice.account_id, notice.app_id or 0, notice.kind)


def _once(contacts: Iterable[ContactRow]) -> list[ContactRow]:
    """Who is a contact of several applications is told of the account's affairs once."""
    return list({(contact.email, contact.phone, contact.hook_url): contact for contact in reversed(list(contacts))}.values())


def _alarm(some: Sequence[NoticeRow], now: float, *, contact_id: int | None, medium: Medium, app_id: int | None) -> AlarmRow:
    return AlarmRow(
        id=0,
        account_id=some[0].account_id,
        app_id=app_id,
        contact_id=contact_id,
        medium=medium,
        kind=some[0].kind.value,
        happened=len(some),
        facts=alarm_words.gathered(some),
        first_at=some[0].at,
        last_at=some[-1].at,
        created_at=now,
        due_at=now,
        attempts=0,
        told_at=None,
        error="",
    )
