"""The doors that speak the clouds' APIs."""

import time
from collections.abc import Callable

from hongyan.doors.huawei.routes import HuaweiDoor
from hongyan.doors.tencent_v3.acts import papers as papers_v3
from hongyan.doors.tencent_v3.routes import TencentV3Door
from hongyan.doors.tencent_v5.acts import papers as papers_v5
from hongyan.doors.tencent_v5.routes import TencentV5Door
from hongyan.kit.db import Database
from hongyan.kit.door import HotDoor
from hongyan.kit.http import check_url
from hongyan.pipeline.directory import Directory
from hongyan.pipeline.nonces import Nonces
from hongyan.pipeline.pulls import PullService
from hongyan.pipeline.rates import Rates
from hongyan.pipeline.refusals import Sends
from hongyan.settings import Settings
from hongyan.wiring.base import plane


def clouds(settings: Settings, db: Database, directory: Directory, send: Sends, key_used: Callable[[str, str], None]) -> dict[str, HotDoor]:
    """By the path they claim; `key_used` is told which key was used, and from where."""
    control = plane(db, settings)
    pulls = PullService(db=db, directory=directory, clock=time.time)
    rates = Rates(db=db, monotonic=time.monotonic, share=settings.request_rates)
    v3 = TencentV3Door(
        directory=directory,
        send=send,
        pulls=pulls,
        counts=control.statistics,
        papers=papers_v3.Papers(control.signatures, control.templates, control.documents, control.qualifications),
        rates=rates,
        used=key_used,
        clock=time.time,
    )
    v5 = TencentV5Door(
        directory=directory,
        send=send,
        pulls=pulls,
        counts=control.statistics,
        papers=papers_v5.Papers(control.documents, control.qualifications, control.signatures, control.templates),
        rates=rates,
        clock=time.time,
    )
    huawei = HuaweiDoor(
        directory=directory,
        send=send,
        rates=rates,
        check_url=lambda url: check_url(url, settings.callback_allow),
        clock=time.time,
        nonces=Nonces(db) if settings.wsse_once else None,
        window_s=settings.wsse_window_s,
    )
    return {"/": v3, **v5.doors, **huawei.doors}
