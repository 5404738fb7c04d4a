"""What has to run somewhere for what is paid later: the jobs of charging."""

import functools
import time
from collections.abc import Mapping

from hongyan.control.bill_files import BillFiles
from hongyan.control.charging import Charging
from hongyan.kit.blobs import BlobError
from hongyan.kit.db import UNAVAILABLE, Database
from hongyan.kit.loops import Job, every
from hongyan.pipeline.directory import Directory

RESOLVE_S, CLOSE_S, COMPARE_S, FILES_S = 1.0, 20.0, 60.0, 5.0
EXPECTED = (*UNAVAILABLE, BlobError)


def jobs(db: Database, directory: Directory, files: BillFiles) -> dict[str, Job]:
    """Without any credit they do nothing."""

    def owners() -> Mapping[int, int]:
        snapshot = directory.snapshot
        return {app.id: app.account_id for app in snapshot.apps.values() if app.account_id in snapshot.tariffs}

    charging = Charging(db, time.time, owners)
    rounds: dict[str, tuple[float, Job]] = {
        "resolve charges": (RESOLVE_S, charging.resolve),
        "close bills": (CLOSE_S, charging.close),
        "compare credit": (COMPARE_S, charging.compare),
        "make bill files": (FILES_S, files.make_due),
    }
    return {name: functools.partial(every, seconds, job, name=name, expected=EXPECTED) for name, (seconds, job) in rounds.items()}
