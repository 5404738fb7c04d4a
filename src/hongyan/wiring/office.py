"""What is unhurried: the native API, and jobs that decide when to send."""

import functools
import time
from collections.abc import Awaitable, Callable

from hongyan.control.idempotency import IdempotencyKeys
from hongyan.kit import web
from hongyan.kit.db import UNAVAILABLE, Database
from hongyan.kit.loops import Job, every, sparingly
from hongyan.kit.metrics import METRICS
from hongyan.kit.secretbox import SecretBox
from hongyan.model.message import Caller, SendCommand
from hongyan.model.papers import ReviewKind
from hongyan.model.reject import Refusal
from hongyan.pipeline.accept import Preview
from hongyan.pipeline.directory import Directory
from hongyan.pipeline.nonces import forget_used
from hongyan.pipeline.pulls import PullService
from hongyan.pipeline.rates import Rates, forget_idle
from hongyan.pipeline.refusals import Sends, forget_old
from hongyan.products import alarms, charging, people
from hongyan.products.answers import AnswerService
from hongyan.products.once import SendOnce
from hongyan.products.schedule import ScheduleService
from hongyan.settings import Settings
from hongyan.store import reviews
from hongyan.wiring.base import plane

SCHEDULES_S = 0.25
"""How often sends are looked for whose time has come."""
CHECK_SHARE = 0.1
"""The most of the time that the self-check of packages takes: with very many of them it comes round less often than each minute."""
ANSWERS_S = 0.25
"""How often replies are looked for that are to be answered."""


class Office:
    """The services of the roles `console` and `jobs` beside the pipeline's own."""

    def __init__(
        self,
        *,
        settings: Settings,
        db: Database,
        box: SecretBox,
        directory: Directory,
        send: Sends,
        preview: Callable[[Caller, SendCommand], Awaitable[Preview | Refusal]],
        new_id: Callable[[], int],
        key_used: Callable[[str, str], None],
    ) -> None:
        """`key_used` is told which key was used, and from where."""
        self._settings = settings
        self._db = db
        self._box = box
        self._send = send
        self._preview = preview
        self._directory = directory
        self._key_used = key_used
        self._new_id = new_id
        self._once = SendOnce(db, send)
        self._keys = IdempotencyKeys(db, time.time)
        self._answers = AnswerService(db=db, directory=directory, send=self._once, clock=time.time)
        self._schedules = ScheduleService(db=db, directory=directory, send=self._once, clock=time.time, new_id=new_id)

    def jobs(self) -> dict[str, Job]:
        """What runs in a process with the role `jobs`, by name."""
        control = plane(self._db, self._settings)
        rounds: dict[str, tuple[float, Job]] = {
            "schedules": (SCHEDULES_S, self._schedules.send_due),
            "answers": (ANSWERS_S, self._answers.send_due),
            "idempotency": (3600.0, self._keys.sweep),
            "forget": (3600.0, self._forget),
            "measure reviews": (60.0, self._measure_reviews),
            "check ledger": (60.0, sparingly(control.ledger.self_check, CHECK_SHARE)),
            "finish refunds": (15.0, control.purchases.finish_refunds),
        }
        alarming = alarms.jobs(self._settings, self._db, self._box, directory=self._directory, send=self._send, new_id=self._new_id)
        return (
            alarming
            | people.jobs(self._settings, self._db, self._box)
            | charging.jobs(self._db, self._directory, plane(self._db, self._settings).bill_files)
            | {name: functools.partial(every, seconds, job, name=name, expected=UNAVAILABLE) for name, (seconds, job) in rounds.items()}
        )

    async def _forget(self) -> None:
        await forget_old(self._db, time.time())
        await forget_idle(self._db)
        await self._answers.forget_old()
        await forget_used(self._db, time.time())

    async def _measure_reviews(self) -> None:
        async with self._db.connection() as conn:
            found = await reviews.waiting(conn, time.time())
        for kind in ReviewKind:
            count, overdue = found.get(kind, (0, 0))
            METRICS.reviews(kind.value, waiting=count, overdue=overdue)

    def huawei(self) -> web.Application:
        """The management API of Huawei's door, under /v2/."""
        # As the native API: only a process with the role `console` needs it.
        from hongyan.doors.huawei.manage import Management  # noqa: PLC0415

        return Management(
            control=plane(self._db, self._settings),
            directory=self._directory,
            rates=Rates(db=self._db, monotonic=time.monotonic, share=self._settings.request_rates),
            used=self._key_used,
            clock=time.time,
        )

    def native(self) -> web.Application:
        """The native API, whole."""
        # It is large, and only a process with the role `console` needs it.
        from hongyan.wiring.native import native  # noqa: PLC0415

        return native(
            plane(self._db, self._settings),
            send=self._once,
            preview=self._preview,
            keys=self._keys,
            schedules=self._schedules,
            pulls=PullService(db=self._db, directory=self._directory, clock=time.time),
            snapshot=lambda: self._directory.snapshot,
            key_used=self._key_used,
            payment_secrets=self._settings.payment_secrets,
        )
