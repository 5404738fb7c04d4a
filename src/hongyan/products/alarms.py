"""Telling alarm contacts: the jobs, with the ways by which alarms go."""

import functools
import os
import random
import time
from collections.abc import Callable

from hongyan.control.alarm_words import SMS
from hongyan.control.own_app import OwnApps
from hongyan.control.telling import Telling
from hongyan.control.watch import Watch
from hongyan.kit.db import UNAVAILABLE, Database
from hongyan.kit.http import GuardedClient
from hongyan.kit.loops import Job, every
from hongyan.kit.mail import Mailer, MailServer, no_mail
from hongyan.kit.secretbox import SecretBox
from hongyan.pipeline.directory import Directory
from hongyan.pipeline.refusals import Sends
from hongyan.products.own_messages import OwnMessages
from hongyan.settings import Settings


def jobs(
    settings: Settings, db: Database, box: SecretBox, *, directory: Directory, send: Sends | None, new_id: Callable[[], int]
) -> dict[str, Job]:
    """What has to run somewhere for contacts to be told; without a sender, none."""
    if send is None:
        return {}
    own = OwnApps(db, box, clock=time.time, entropy=os.urandom, sign_name=settings.alarm_signature, texts=SMS)
    telling = Telling(
        db,
        box,
        clock=time.time,
        jitter=random.random,
        post=GuardedClient(allow=settings.callback_allow, timeout_s=settings.callback_timeout_s).post,
        mail=Mailer(MailServer.parse(settings.smtp), settings.mail_from).send if settings.smtp else no_mail,
        text=OwnMessages(own, directory, send).send,
        new_id=new_id,
        quiet_s=settings.alarm_quiet_s,
    )
    watch = Watch(db, time.time)
    rounds: dict[str, tuple[float, Job]] = {
        "gather notices": (1.0, telling.gather),
        "tell alarms": (1.0, telling.deliver),
        "sweep alarms": (3600.0, telling.sweep),
        "watch traffic": (5.0, watch.traffic),
        "settle counts": (2.0, watch.settle_counts),
        "watch balances": (30.0, watch.balance),
        "watch expiry": (300.0, watch.expiry),
        "forget counts": (3600.0, watch.forget),
    }
    return {name: functools.partial(every, seconds, job, name=name, expected=UNAVAILABLE) for name, (seconds, job) in rounds.items()}
