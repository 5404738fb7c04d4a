"""Requests and answers of the send API, with the fields as the vendor writes them; what is under a door's `/sms/`."""

from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

SEND, SEND_DIFF = "/sms/batchSendSms/v1", "/sms/batchSendDiffSms/v1"
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
CONTENT_TYPE = b"application/json;charset=UTF-8"
MOST_NUMBERS = 500
LONGEST_NUMBER = 21
LONGEST_TEMPLATE = 32
LONGEST_EXTEND = 128
LONGEST_CONTENT = 64 * 1024
"""Octets of smsContent."""


def _wire(name: str) -> str:
    """`from_` is from, `template_id` is templateId."""
    first, *others = name.rstrip("_").split("_")
    return first + "".join(map(str.title, others))


Para: TypeAlias = str | int | float | None
From = Annotated[
    str | None,
    Meta(
        description="A from number of the application: it stands for a signature; of messages abroad for none.",
        extra_json_schema={"minLength": 1, "maxLength": LONGEST_NUMBER},
    ),
]
TemplateId = Annotated[
    str | None,
    Meta(
        description="The 32 digits of a template's id, or the alias it was given.",
        extra_json_schema={"minLength": 1, "maxLength": LONGEST_TEMPLATE},
    ),
]
Callback = Annotated[str | None, Meta(description="Where reports of these messages go; without it to the application's address.")]
Signature = Annotated[str | None, Meta(description="Of a universal template: the name of an approved signature, without brackets.")]
Extend = Annotated[str | None, Meta(description="Comes back in reports.", extra_json_schema={"maxLength": LONGEST_EXTEND})]


class BatchSms(msgspec.Struct, frozen=True, rename=_wire):
    """One text to many numbers, as a form."""

    from_: From = None
    to: Annotated[str | None, Meta(description=f"Up to {MOST_NUMBERS} numbers with commas between.")] = None
    template_id: TemplateId = None
    template_paras: Annotated[str | None, Meta(description="Values, as a JSON array of texts.")] = None
    status_callback: Callback = None
    signature: Signature = None
    extend: Extend = None


class SmsContent(msgspec.Struct, frozen=True, rename=_wire):
    """One text and whom it goes to."""

    to: Annotated[list[str] | None, Meta(description=f"Of all contents together up to {MOST_NUMBERS} numbers.")] = None
    template_id: TemplateId = None
    template_paras: list[Para] | None = None
    signature: Signature = None


class BatchDiffSms(msgspec.Struct, frozen=True, rename=_wire):
    """Many texts, each to numbers of its own."""

    from_: From = None
    sms_content: list[SmsContent] | None = None
    status_callback: Callback = None
    extend: Extend = None


class SmsId(msgspec.Struct, frozen=True, rename=_wire):
    """What became of one number."""

    origin_to: Annotated[str, Meta(description="As the request has it.")]
    create_time: Annotated[str, Meta(description="UTC, yyyy-MM-ddTHH:mm:ssZ.")]
    from_: str
    sms_msg_id: str
    status: Annotated[str, Meta(description="000000, or why it was not taken.")]
    country_id: str
    total: Annotated[int, Meta(description="Segments; 0 when it was not taken.")]


class Sent(msgspec.Struct, frozen=True):
    """Every number has its entry."""

    result: list[SmsId]
    code: Annotated[str, Meta(description="000000 when all were taken, otherwise E000510.")]
    description: str


class SendRefused(msgspec.Struct, frozen=True):
    """The request as a whole was refused."""

    code: str
    description: str


_ENCODER = msgspec.json.Encoder()


def encode(answer: Sent | SendRefused) -> bytes:
    """The body of an answer."""
    return _ENCODER.encode(answer)
