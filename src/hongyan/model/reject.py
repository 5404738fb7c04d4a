"""Why Hongyan would not take a message: one closed list that every door must have words for."""

import enum

import msgspec


class Reject(enum.Enum):
    """Every reason for which a request or a single number is refused; a door's error table is total over it."""

    # about the request as a whole
    BAD_REQUEST = "bad_request"
    MISSING_PARAMETER = "missing_parameter"
    UNKNOWN_PARAMETER = "unknown_parameter"
    NO_NUMBERS = "no_numbers"
    TOO_MANY_NUMBERS = "too_many_numbers"
    APP_NOT_FOUND = "app_not_found"
    APP_NOT_YOURS = "app_not_yours"
    APP_DISABLED = "app_disabled"
    NOT_SWITCHED_ON = "not_switched_on"
    ARREARS = "arrears"
    """The account has a bill that it should have paid."""
    TOO_BUSY = "too_busy"
    INTERNAL = "internal"

    # about what is sent
    SIGNATURE_UNUSABLE = "signature_unusable"
    TEMPLATE_UNUSABLE = "template_unusable"
    PARAMS_MISMATCH = "params_mismatch"
    PARAM_FORMAT = "param_format"
    PARAM_TOO_LONG = "param_too_long"
    PARAM_HAS_LINK = "param_has_link"
    TEXT_TOO_LONG = "text_too_long"
    CONTEXT_TOO_LONG = "context_too_long"
    EXTEND_INVALID = "extend_invalid"
    SENDER_NOT_ALLOWED = "sender_not_allowed"
    MARKETING_DENIED = "marketing_denied"
    MARKETING_HOURS = "marketing_hours"
    SENSITIVE_WORD = "sensitive_word"

    # about one number
    BAD_NUMBER = "bad_number"
    MIXED_REGIONS = "mixed_regions"
    MAINLAND_TEMPLATE_ABROAD = "mainland_template_abroad"
    INTERNATIONAL_TEMPLATE_AT_HOME = "international_template_at_home"
    REGION_NOT_SERVED = "region_not_served"
    BLACKLISTED = "blacklisted"
    OPTED_OUT = "opted_out"
    SAME_CONTENT = "same_content"
    LIMIT_30_SECONDS = "limit_30_seconds"
    LIMIT_HOUR = "limit_hour"
    LIMIT_DAY = "limit_day"
    SAME_CONTENT_DAY = "same_content_day"
    COUNTRY_CLOSED = "country_closed"
    APP_DAY = "app_day"
    MAINLAND_DAY = "mainland_day"
    ABROAD_DAY = "abroad_day"
    COUNTRY_DAY = "country_day"
    ACCOUNT_DAY = "account_day"
    """The account's own cap of a day for messages that it pays for later."""
    NO_PACKAGE = "no_package"
    NO_CREDIT = "no_credit"
    """It would owe more than its credit limit."""


class Refusal(msgspec.Struct, frozen=True):
    """Nothing was promised. `detail` names the value and the rule for the developer; it never carries a code or a key."""

    reason: Reject
    detail: str = ""
