"""Letters over SMTP."""

from email.errors import MessageError
from email.message import EmailMessage
from typing import Self
from urllib.parse import unquote, urlsplit

import aiosmtplib
import msgspec

PORTS = {"smtp": 25, "smtps": 465}
SUBMISSION_PORT = 587
TIMEOUT_S = 20.0
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class MailServer(msgspec.Struct, frozen=True):
    """Where letters are handed in. `smtp://` upgrades to TLS whenever the server offers it, `smtps://` begins with it."""

    host: str
    port: int
    tls: bool
    user: str
    password: str

    @classmethod
    def parse(cls, url: str) -> Self:
        """smtp://user:password@host:587. Raises ValueError, whose text repeats no part of the address."""
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            raise ValueError("its port is no number") from None
        if parts.scheme not in PORTS or not parts.hostname or parts.path.strip("/") or parts.query:
            raise ValueError("it is written smtp://user:password@host:587 or smtps://user:password@host:465")
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        usual = SUBMISSION_PORT if user and parts.scheme == "smtp" else PORTS[parts.scheme]
        return cls(host=parts.hostname, port=usual if port is None else port, tls=parts.scheme == "smtps", user=user, password=password)


class Mailer:
    """Hands letters to one server."""

    def __init__(self, server: MailServer, sender: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self._server = server
        self._sender = sender
        self._timeout_s = timeout_s

    async def send(self, to: str, subject: str, text: str) -> str | None:
        """None when the server has taken the letter, otherwise why not, in words that can be shown."""
        server = self._server
        try:
            letter = EmailMessage()
            letter["From"], letter["To"], letter["Subject"] = self._sender, to, subject
            letter["Auto-Submitted"] = "auto-generated"
            letter.set_content(text)
            await aiosmtplib.send(
                letter,
                hostname=server.host,
                port=server.port,
                username=server.user or None,
                password=server.password or None,
                use_tls=server.tls,
                # A password is never sent in clear, but on this machine.
                start_tls=None if server.tls or not server.user or server.host in LOOPBACK else True,
                timeout=self._timeout_s,
            )
        except (ValueError, MessageError):
            return "the letter's address or subject cannot be written"
        except aiosmtplib.SMTPResponseException as fault:
            return f"the mail server said {fault.code}"
        except (aiosmtplib.SMTPException, OSError) as fault:
            return f"the mail server could not be used ({type(fault).__name__})"
        return None


async def no_mail(_to: str, _subject: str, _text: str) -> str | None:
    """In place of `Mailer.send` where there is no server."""
    return "no mail server is set (HONGYAN_SMTP)"
