"""Codes of Huawei's send API: those of a whole request, and a total table from our reasons to the status of a number.

Sources: pages sms_05_0001, sms_05_0050 and sms_05_0051. What the vendor tells only in reports (limits, blacklists, words) is told at once
here, in the same codes. Where it has no code of its own, the nearest stands in; the description always says what was wrong.
"""

import msgspec

from hongyan.model.reject import Reject

OK = "000000"
OK_DESCRIPTION = "Success"
LONGEST = 512
"""Characters of a description."""


class Fault(msgspec.Struct, frozen=True):
    """A code of a whole request, the status of its answer, and its text."""

    code: str
    status: int
    text: str


class Failure(msgspec.Struct, frozen=True):
    """The whole request is refused; `detail` tells the developer what was wrong and never repeats a secret or a code."""

    fault: Fault
    detail: str = ""


def description(fault: Fault, detail: str) -> str:
    """The text for a customer: the fault's, then the detail."""
    return (f"{fault.text} {detail}" if detail else fault.text)[:LONGEST]


BAD, UNAUTHORISED, FORBIDDEN = 400, 401, 403

SYSTEM = Fault("E000000", BAD, "The system is abnormal or the request is malformed.")
NO_AUTHORIZATION = Fault("E000001", BAD, "The request has no Authorization header.")
NO_REALM = Fault("E000002", BAD, "Authorization has no realm.")
NO_PROFILE = Fault("E000003", BAD, "Authorization has no profile.")
WRONG_REALM = Fault("E000004", BAD, "The realm in Authorization must be SDP.")
WRONG_PROFILE = Fault("E000005", BAD, "The profile in Authorization must be UsernameToken.")
WRONG_TYPE = Fault("E000006", BAD, "The type in Authorization must be Appkey.")
NO_TYPE = Fault("E000007", BAD, "Authorization has no type.")
NO_WSSE = Fault("E000008", BAD, "Authorization has no WSSE.")
NO_X_WSSE = Fault("E000020", BAD, "The request has no X-WSSE header.")
NO_USERNAME = Fault("E000021", BAD, "X-WSSE has no Username.")
NO_NONCE = Fault("E000022", BAD, "X-WSSE has no Nonce.")
NO_CREATED = Fault("E000023", BAD, "X-WSSE has no Created.")
NO_DIGEST = Fault("E000024", BAD, "X-WSSE has no PasswordDigest.")
WRONG_CREATED = Fault("E000025", BAD, "Created in X-WSSE must be written like 2018-02-12T15:30:20Z.")
NO_TOKEN = Fault("E000026", BAD, "X-WSSE has no UsernameToken.")
ILLEGAL = Fault("E000027", BAD, "The request is illegal.")
CONTENT_TYPE = Fault("E000040", BAD, "The Content-Type is not the one this API takes.")
SIGNATURE = Fault("E000045", BAD, "The AK/SK signature check failed.")
FORMAT = Fault("E000503", BAD, "A parameter is malformed.")
NOT_SENT = Fault("E000510", BAD, "The SMS fails to be sent. For details, see status.")
PARTLY_SENT = Fault("E000510", 200, NOT_SENT.text)
"""Some numbers were taken: an SDK that raises on any other status would never learn their ids."""
TOO_OFTEN = Fault("E200015", BAD, "Too many requests; try again in a second.")

AUTHENTICATION = Fault("E000101", UNAUTHORISED, "The authentication failed.")
UNKNOWN_KEY = Fault("E000102", UNAUTHORISED, "The app_key is invalid.")
UNUSABLE_KEY = Fault("E000103", UNAUTHORISED, "The app_key is unavailable.")
WRONG_DIGEST = Fault("E000105", UNAUTHORISED, "The PasswordDigest is invalid.")
NO_PERMISSION = Fault("E000106", UNAUTHORISED, "The app_key has no permission for this.")
DEACTIVATED = Fault("E000109", UNAUTHORISED, "The user is not active.")
TIME = Fault("E000110", UNAUTHORISED, "Created is outside the time limit.")
FROZEN = Fault("E000112", UNAUTHORISED, "The user is frozen: nothing is left to pay with.")
ADDRESS = Fault("E000620", FORBIDDEN, "The source IP address is not in the white list.")

QUEUE_FULL = "E200015"
REPEATED = "E200041"
FROM_UNKNOWN = "E200018"
WRONG_SIGNATURE = "E200020"
OTHER_SIGNATURE = "E200021"
OTHER_KIND = "E200029"

STATUSES: dict[Reject, str] = {
    Reject.BAD_REQUEST: FORMAT.code,
    Reject.MISSING_PARAMETER: FORMAT.code,
    Reject.UNKNOWN_PARAMETER: FORMAT.code,
    Reject.NO_NUMBERS: FORMAT.code,
    Reject.TOO_MANY_NUMBERS: FORMAT.code,
    Reject.APP_NOT_FOUND: UNUSABLE_KEY.code,
    Reject.APP_NOT_YOURS: UNUSABLE_KEY.code,
    Reject.APP_DISABLED: UNUSABLE_KEY.code,
    Reject.NOT_SWITCHED_ON: NO_PERMISSION.code,
    Reject.TOO_BUSY: QUEUE_FULL,
    Reject.INTERNAL: SYSTEM.code,
    Reject.SIGNATURE_UNUSABLE: WRONG_SIGNATURE,
    Reject.TEMPLATE_UNUSABLE: "E200030",
    Reject.PARAMS_MISMATCH: "E200028",
    Reject.PARAM_FORMAT: "E200028",
    Reject.PARAM_TOO_LONG: "E200028",
    Reject.PARAM_HAS_LINK: "E200028",
    Reject.TEXT_TOO_LONG: "E200028",
    Reject.CONTEXT_TOO_LONG: FORMAT.code,
    Reject.EXTEND_INVALID: FORMAT.code,
    Reject.SENDER_NOT_ALLOWED: FROM_UNKNOWN,
    Reject.MARKETING_DENIED: "E200033",
    # "Downstream rate 0": the sender does not send now.
    Reject.MARKETING_HOURS: "E200036",
    Reject.SENSITIVE_WORD: "KEYWORD",
    Reject.BAD_NUMBER: "E200031",
    Reject.MIXED_REGIONS: "E200022",
    Reject.MAINLAND_TEMPLATE_ABROAD: "E200022",
    Reject.INTERNATIONAL_TEMPLATE_AT_HOME: "E200025",
    Reject.REGION_NOT_SERVED: "E200026",
    Reject.BLACKLISTED: "BLACK",
    Reject.OPTED_OUT: "SC:0016",
    Reject.SAME_CONTENT: "CTLIMIT",
    Reject.LIMIT_30_SECONDS: "MILIMIT",
    Reject.LIMIT_HOUR: "LIMIT",
    Reject.LIMIT_DAY: "BEYONDN",
    Reject.SAME_CONTENT_DAY: "CTLIMIT",
    Reject.COUNTRY_CLOSED: "E200025",
    Reject.APP_DAY: "BEYONDN",
    Reject.MAINLAND_DAY: "BEYONDN",
    Reject.ABROAD_DAY: "BEYONDN",
    Reject.COUNTRY_DAY: "BEYONDN",
    Reject.ACCOUNT_DAY: "BEYONDN",
    Reject.NO_PACKAGE: FROZEN.code,
    Reject.NO_CREDIT: FROZEN.code,
    Reject.ARREARS: FROZEN.code,
}
"""Every reason as the status of a number."""

EVERY: tuple[Fault, ...] = tuple(fault for fault in list(vars().values()) if isinstance(fault, Fault) and fault is not PARTLY_SENT)
"""Every code of a whole request that the door can tell."""

OF_THE_REQUEST: dict[Reject, Fault] = {
    Reject.BAD_REQUEST: FORMAT,
    Reject.MISSING_PARAMETER: FORMAT,
    Reject.UNKNOWN_PARAMETER: FORMAT,
    Reject.NO_NUMBERS: FORMAT,
    Reject.TOO_MANY_NUMBERS: FORMAT,
    Reject.CONTEXT_TOO_LONG: FORMAT,
    Reject.EXTEND_INVALID: FORMAT,
    Reject.APP_NOT_FOUND: UNUSABLE_KEY,
    Reject.APP_NOT_YOURS: UNUSABLE_KEY,
    Reject.APP_DISABLED: UNUSABLE_KEY,
    Reject.NOT_SWITCHED_ON: NO_PERMISSION,
    Reject.INTERNAL: SYSTEM,
    Reject.NO_PACKAGE: FROZEN,
    Reject.NO_CREDIT: FROZEN,
    Reject.ARREARS: FROZEN,
}
"""Reasons that are told of the request as a whole when no number was taken; of all others each number has its status."""
