"""The native API, whole: every noun with its service."""

import time
from collections.abc import Awaitable, Callable, Sequence

from hongyan.control.idempotency import IdempotencyKeys
from hongyan.control.plane import ControlPlane
from hongyan.doors.rest import (
    access,
    accounts,
    app,
    apps,
    auth,
    billing,
    callbacks,
    contacts,
    events,
    explanations,
    guards,
    messages,
    money,
    operator,
    papers,
    replies,
    review,
    session,
    verifications,
)
from hongyan.doors.rest import schedules as at_a_time
from hongyan.kit import web
from hongyan.model.message import Caller, SendCommand
from hongyan.model.reject import Refusal
from hongyan.model.snapshot import Snapshot
from hongyan.pipeline.accept import Preview
from hongyan.pipeline.pulls import PullService
from hongyan.products.once import SendOnce
from hongyan.products.schedule import ScheduleService


def native(
    control: ControlPlane,
    *,
    send: SendOnce,
    preview: Callable[[Caller, SendCommand], Awaitable[Preview | Refusal]],
    keys: IdempotencyKeys,
    schedules: ScheduleService,
    pulls: PullService,
    snapshot: Callable[[], Snapshot],
    key_used: Callable[[str, str], None],
    payment_secrets: Sequence[str],
) -> web.Application:
    """What is served under /api/."""
    sending = messages.Messages(send=send, preview=preview, keys=keys, records=control.records, clock=time.time)
    routers = [
        # In front of what it stands beside: its path could be taken for a message's number.
        explanations.routes(control.records),
        messages.routes(sending),
        at_a_time.routes(at_a_time.Schedules(schedules)),
        events.routes(pulls, snapshot),
        apps.routes(control.apps, control.keys),
        accounts.routes(accounts=control.accounts, users=control.users, members=control.members, audit=control.audit),
        callbacks.routes(control.callbacks, control.deliveries),
        access.routes(control.access, control.from_numbers),
        operator.routes(links=control.links, senders=control.senders),
        money.routes(control, secrets=payment_secrets),
        billing.routes(control),
        contacts.routes(blacklist=control.blacklist, alarms=control.alarms),
        papers.routes(control),
        replies.routes(replies=control.replies, optouts=control.optouts, answerings=control.answerings),
        verifications.routes(control.verifications),
        review.routes(review=control.review, signatures=control.signatures, templates=control.templates, calendar=control.calendar),
        guards.routes(protections=control.protections, held=control.held, words=control.words, statistics=control.statistics),
        session.routes(login=control.login, credentials=control.credentials, sessions=control.sessions),
    ]
    return app.build(routers, auth.authenticator(snapshot, control.login, key_used))
