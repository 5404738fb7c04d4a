"""What has to run somewhere for people to sign in: letters with tickets go out, and what is over is forgotten."""

import functools
import time

from hongyan.control.letters import Letters
from hongyan.control.sessions import Sessions
from hongyan.kit.db import RETRY, Database
from hongyan.kit.loops import Job, every
from hongyan.kit.mail import Mailer, MailServer
from hongyan.kit.secretbox import SecretBox
from hongyan.settings import Settings

LETTERS_S = 2.0
SWEEP_S = 600.0


def jobs(settings: Settings, db: Database, box: SecretBox) -> dict[str, Job]:
    """Without a mail server letters wait for one until they are of no use any more."""
    sessions = Sessions(db, time.time, settings.session_idle_s)
    rounds: dict[str, tuple[float, Job]] = {"sweep sessions": (SWEEP_S, sessions.sweep)}
    if settings.smtp:
        send = Mailer(MailServer.parse(settings.smtp), settings.mail_from).send
        rounds["letters"] = (LETTERS_S, functools.partial(Letters(db, box, time.time).send_due, send))
    return {name: functools.partial(every, seconds, job, name=name, expected=RETRY) for name, (seconds, job) in rounds.items()}
