"""In which words events are told, and trying an address out."""

import time
from collections.abc import Mapping

from hongyan.control.callbacks import app_key_of, settings_of
from hongyan.control.deliveries import TryOut
from hongyan.doors.huawei import callbacks as huawei_callbacks
from hongyan.doors.rest import webhooks
from hongyan.doors.tencent import callbacks as tencent_callbacks
from hongyan.kit.db import Database
from hongyan.kit.http import GuardedClient
from hongyan.kit.secretbox import SecretBox
from hongyan.model.callback import CallbackRequest, CallbackSettings, Recipient, recipient
from hongyan.model.event import CallEnded, CallResult, EventKind, ReplyEvent, ReportEvent
from hongyan.model.message import Dialect, Kind, Status
from hongyan.pipeline import calls
from hongyan.pipeline.calls import Renderer, VoiceRenderer
from hongyan.pipeline.deliveries import delivery, post
from hongyan.settings import Settings
from hongyan.store.apps import AppRow
from hongyan.store.deliveries import Delivery

RENDERERS: Mapping[Dialect, Renderer] = {
    Dialect.NATIVE: webhooks,
    Dialect.TENCENT_V3: tencent_callbacks,
    Dialect.TENCENT_V5: tencent_callbacks,
    Dialect.HUAWEI: huawei_callbacks,
}
"""A dialect's words for events."""
VOICES: Mapping[Dialect, VoiceRenderer] = {
    Dialect.NATIVE: webhooks,
    Dialect.TENCENT_V3: tencent_callbacks,
    Dialect.TENCENT_V5: tencent_callbacks,
    Dialect.HUAWEI: webhooks,
}
"""A dialect's words for calls; Huawei's message API has none."""

EXAMPLE = 8613800138000
"""The number that made-up events are about."""
FIRST = 1
"""Their id: no message has it."""


def try_out(db: Database, settings: Settings, box: SecretBox) -> TryOut:
    """Post a made-up event as the dispatcher would post a real one."""

    async def asked(app: AppRow, kind: EventKind, dialect: Dialect | None) -> Delivery:
        async with db.connection() as conn:
            wanted = await settings_of(conn, box, app.id)
            app_key = await app_key_of(conn, box, app.id)
        now = time.time()
        words = Dialect.TENCENT_V3 if dialect is None else dialect
        renderer, request = _made_up(app, app_key, wanted, kind=kind, dialect=words, now=now)
        client = GuardedClient(allow=settings.callback_allow, timeout_s=settings.callback_timeout_s)
        try:
            answer, took_ms = await post(client.post, request)
        finally:
            await client.close()
        return delivery((app.id, kind, ""), request, answer, calls.refusal(renderer, answer), events=0, took_ms=took_ms, now=now)

    return asked


def _made_up(
    app: AppRow, app_key: str, wanted: CallbackSettings, *, kind: EventKind, dialect: Dialect, now: float
) -> tuple[Renderer, CallbackRequest]:
    if kind is EventKind.VOICE:
        spoken = calls.words_of(VOICES, native=wanted.native)[dialect]
        return spoken, spoken.voice(recipient(wanted.voice_url, app_key, wanted, now), [_call(app, dialect, now)])[0]
    renderer = calls.words_of(RENDERERS, native=wanted.native)[dialect]
    to = recipient(app.report_url if kind is EventKind.REPORT else app.reply_url, app_key, wanted, now)
    return renderer, _request(app, kind, renderer, to, dialect)


def _call(app: AppRow, dialect: Dialect, now: float) -> CallEnded:
    return CallEnded(
        app_id=app.id,
        event_id=FIRST,
        call_id=FIRST,
        phone=EXAMPLE,
        country_code=86,
        sender_id="",
        at=now,
        dialect=dialect,
        kind=Kind.VERIFICATION,
        result=CallResult.ANSWERED,
        started_at=now - 30,
        answered_at=now - 20,
        minutes=1,
    )


def _request(app: AppRow, kind: EventKind, renderer: Renderer, to: Recipient, dialect: Dialect) -> CallbackRequest:
    if kind is EventKind.REPLY:
        reply = ReplyEvent(app.id, FIRST, EXAMPLE, 86, "测试", "", "测试 test", to.now, dialect)
        return renderer.reply(to, reply)[0]
    report = ReportEvent(
        app_id=app.id,
        event_id=FIRST,
        message_id=FIRST,
        phone=EXAMPLE,
        country_code=86,
        status=Status.DELIVERED,
        code="DELIVRD",
        at=to.now,
        session_context="",
        dialect=dialect,
    )
    return renderer.reports(to, [report])[0]
