"""Which kind of template is meant where Tencent's APIs only tell marketing from all else."""

from hongyan.model.message import Kind
from hongyan.model.template import take_apart

NORMAL, MARKETING = 0, 1
_MOST = 2
"""A code and how long it is good for."""


def kind_of(sms_type: int, content: str) -> Kind | None:
    """The kind of a content; None for a type that there is not.

    A normal one that says it has a code, and has no more values than a code needs, is a verification template, whose values are digits
    alone; any other is a notice.
    """
    if sms_type == MARKETING:
        return Kind.MARKETING
    if sms_type != NORMAL:
        return None
    says = "验证码" in content or "code" in content.casefold()
    return Kind.VERIFICATION if says and 1 <= len(set(take_apart(content).order)) <= _MOST else Kind.NOTICE


def sms_type(kind: Kind) -> int:
    """The type of a kind."""
    return MARKETING if kind is Kind.MARKETING else NORMAL
