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
from hongyan.model.callback import CallbackRequest, Recipient, recipient
from hongyan.model.event import EventKind, ReplyEvent, ReportEvent
from hongyan.model.message import Dialect, Status
from hongyan.pipeline import calls
from hongyan.pipeline.calls import Renderer
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
        renderer = calls.words_of(RENDERERS, native=wanted.native)[words]
        to = recipient(app.report_url if kind is EventKind.REPORT else app.reply_url, app_key, wanted, now)
        request = _request(app, kind, renderer, to, words)
        client = GuardedClient(allow=settings.callback_allow, timeout_s=settings.callback_timeout_s)
        try:
            answer, took_ms = await post(client.post, request)
        finally:
            await client.close()
        return delivery((app.id, kind, ""), request, answer, calls.refusal(renderer, answer), events=0, took_ms=took_ms, now=now)

    return asked


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
