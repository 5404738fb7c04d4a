"""Mail servers as they are written, and what never happens to a password."""

import pytest

from hongyan.kit.mail import Mailer, MailServer
from hongyan.settings import SettingsError, load


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example.com", MailServer("mail.example.com", 25, tls=False, user="", password="")),
        ("smtp://me:pass%40word@mail.example.com", MailServer("mail.example.com", 587, tls=False, user="me", password="pass@word")),
        ("smtp://me:x@mail.example.com:2525", MailServer("mail.example.com", 2525, tls=False, user="me", password="x")),
        ("smtps://me:x@mail.example.com", MailServer("mail.example.com", 465, tls=True, user="me", password="x")),
    ],
)
def test_a_mail_server_is_read(url: str, server: MailServer) -> None:
    assert MailServer.parse(url) == server


@pytest.mark.parametrize("url", ["mail.example.com", "http://a:canary@b", "smtp://a:canary@b:x", "smtp://", "smtp://a:canary@b/path"])
def test_what_is_no_mail_server_is_refused_without_repeating_a_password(url: str) -> None:
    with pytest.raises(ValueError, match=r"it is written|its port") as refused:
        MailServer.parse(url)
    assert "canary" not in str(refused.value)
    with pytest.raises(SettingsError) as wrong:
        load({"HONGYAN_SMTP": url})
    assert "HONGYAN_SMTP" in str(wrong.value)
    assert "canary" not in str(wrong.value)


async def test_a_server_that_is_not_there_is_a_reason_and_no_exception() -> None:
    mailer = Mailer(MailServer("127.0.0.1", 9, tls=False, user="", password=""), "a@example.com", timeout_s=1)
    assert await mailer.send("b@example.com", "subject", "text") == "the mail server could not be used (SMTPConnectError)"


async def test_a_subject_that_would_be_a_second_header_is_refused() -> None:
    mailer = Mailer(MailServer("127.0.0.1", 9, tls=False, user="", password=""), "a@example.com", timeout_s=1)
    assert await mailer.send("b@example.com", "x\r\nBcc: c@example.com", "text") == "the letter's address or subject cannot be written"
