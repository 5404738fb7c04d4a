"""What the management API says when it says no: MSGSMS.xxxx, and what the gateway in front of it says itself (huawei.md, section 8.4).

`error_msg` is in English, `error_detail` in Chinese; both say what happened, by which rule, and what to do.
"""

from collections.abc import Mapping

import msgspec

from hongyan.control.errors import ControlError
from hongyan.control.errors import Fault as Kind


class Fault(msgspec.Struct, frozen=True):
    """A number and the HTTP status that goes with it."""

    code: str
    status: int


INTERNAL = Fault("MSGSMS.0001", 500)
INVALID = Fault("MSGSMS.0002", 400)
NOT_ALLOWED = Fault("MSGSMS.0003", 403)
NO_SIGNATURE = Fault("MSGSMS.0005", 404)
SIGNATURE_TAKEN = Fault("MSGSMS.0006", 400)
SIGNATURE_FIXED = Fault("MSGSMS.0007", 400)
TEMPLATE_TAKEN = Fault("MSGSMS.0008", 400)
NO_TEMPLATE = Fault("MSGSMS.0009", 404)
TEMPLATE_FIXED = Fault("MSGSMS.0010", 400)
NO_FILE = Fault("MSGSMS.0011", 404)
SIGNATURE_ID = Fault("MSGSMS.0012", 400)
UNDESCRIBED = Fault("MSGSMS.0025", 400)
FAILED = Fault("MSGSMS.0029", 400)
NO_APP = Fault("MSGSMS.0076", 404)
ONLY_NAME = Fault("MSGSMS.0187", 400)
NOT_AUTHENTICATED = Fault("APIGW.0301", 401)
NO_SUCH_PATH = Fault("APIGW.0101", 404)
TOO_LARGE = Fault("APIGW.0201", 413)
TOO_OFTEN = Fault("APIGW.0308", 429)
AWAY = Fault("MSGSMS.0001", 503)


MEANINGS: Mapping[Fault, str] = {
    INTERNAL: "an error of the platform",
    AWAY: "the store of files is away; nothing was changed",
    INVALID: "a parameter is not what it should be, or a rule forbids what is applied for",
    NOT_ALLOWED: "the key may not do this, or not from this address",
    NO_SIGNATURE: "there is no such signature",
    SIGNATURE_TAKEN: "the name is applied for or approved already, for this type and application",
    SIGNATURE_FIXED: "only a refused signature, or one whose filing failed, can be changed",
    TEMPLATE_TAKEN: "the application has a template of this name",
    NO_TEMPLATE: "there is no such template",
    TEMPLATE_FIXED: "it is under review, or was taken out of use by the operator",
    NO_FILE: "there is no such file",
    SIGNATURE_ID: "that is no id of a signature",
    UNDESCRIBED: "a TEXT variable lacks its description",
    FAILED: "it cannot be done now: the state it is in, a quota, a name that is taken",
    NO_APP: "there is no such application",
    ONLY_NAME: "of an approved template only the name can be changed",
    NOT_AUTHENTICATED: "nobody is known by this signature",
    NO_SUCH_PATH: "there is no such operation",
    TOO_LARGE: "the body is too large",
    TOO_OFTEN: "too often",
}
"""What each comes down to."""


class Failure(msgspec.Struct, frozen=True):
    """Why a request is refused."""

    fault: Fault
    zh: str
    en: str


BY_WHY: Mapping[str, Fault] = {
    "no_signature": NO_SIGNATURE,
    "no_template": NO_TEMPLATE,
    "no_document": NO_FILE,
    "document_lost": NO_FILE,
    "no_app": NO_APP,
    "no_qualification": INVALID,
    "template_name_taken": TEMPLATE_TAKEN,
}
"""By the rule that a control service names."""
TAKEN: Mapping[str, Fault] = {
    "signature_pending": SIGNATURE_TAKEN,
    "signature_approved": SIGNATURE_TAKEN,
}
"""Of what is there already."""
BY_KIND: Mapping[Kind, Fault] = {
    Kind.NOT_FOUND: INVALID,
    Kind.TAKEN: FAILED,
    Kind.INVALID: INVALID,
    Kind.TOO_MANY: FAILED,
    Kind.NOT_ALLOWED: NOT_ALLOWED,
    Kind.IN_USE: FAILED,
    Kind.WRONG_STATE: FAILED,
    Kind.NOT_SIGNED_IN: NOT_AUTHENTICATED,
    Kind.TOO_OFTEN: TOO_OFTEN,
}
"""By kind of refusal; total."""
ACTIVE = {"template_approved": ONLY_NAME}


def told(refused: ControlError, fixed: Fault) -> Failure:
    """A control service's refusal; `fixed` is the number for what cannot be done in the state that something is in."""
    if refused.code is Kind.WRONG_STATE:
        fault = ACTIVE.get(refused.why, fixed) if fixed is TEMPLATE_FIXED else fixed
    elif refused.code is Kind.TAKEN and refused.why in TAKEN:
        fault = TAKEN[refused.why]
    else:
        fault = BY_WHY.get(refused.why, BY_KIND[refused.code])
    return Failure(fault, refused.zh, refused.en)


def invalid(zh: str, en: str) -> Failure:
    """A parameter is not what it should be."""
    return Failure(INVALID, zh, en)


class Refused(Exception):  # noqa: N818 - an answer, no error of the program
    """Ends a request with a failure."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.en)
        self.failure = failure


class Told(msgspec.Struct, frozen=True):
    """The body of a refusal."""

    error_code: str
    error_msg: str
    error_detail: str
    request_id: str


def body(failure: Failure, request_id: str) -> Told:
    return Told(failure.fault.code, failure.en.replace("\n", " "), failure.zh.replace("\n", " "), request_id)
