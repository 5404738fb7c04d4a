"""What both generations of Tencent's API say alike: a message has one id, and a report one set of words, whichever asks."""

from hongyan.model.event import ReportEvent
from hongyan.model.message import Status

MOST_NUMBERS = 200
MOST_PULLED = 100
SERIAL_PREFIX = "2021:"
LONGEST_ID = 19

SUCCESS, FAIL = "SUCCESS", "FAIL"
WORDS = {Status.DELIVERED: "DELIVRD", Status.FAILED: "UNDELIV", Status.EXPIRED: "EXPIRED"}
"""What a report says when the carrier gave no word of its own; anything else is UNKNOWN."""


def serial_no(message_id: int) -> str:
    """The SerialNo (API 3.0) or sid (v5) of a message; customers take it as opaque."""
    return f"{SERIAL_PREFIX}{message_id}"


def message_id(serial: str) -> int | None:
    """The message of a SerialNo, or None when it is not one of ours."""
    return decimal(serial.removeprefix(SERIAL_PREFIX)) if serial.startswith(SERIAL_PREFIX) else None


def decimal(text: str) -> int | None:
    """An identifier sent as text."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= LONGEST_ID else None


def receipt_word(event: ReportEvent) -> str:
    return event.code or WORDS.get(event.status, "UNKNOWN")


def report_status(event: ReportEvent) -> str:
    return SUCCESS if event.status is Status.DELIVERED else FAIL


def national(phone: int, country_code: int) -> str:
    """The number without its country code."""
    return str(phone).removeprefix(str(country_code)) if country_code else str(phone)
