"""Frequency limits of an application: questions about one number's recent messages."""

import msgspec


class Limits(msgspec.Struct, frozen=True):
    """How often one number may be sent to; 0 means no limit. The defaults are Tencent's of 2018 (seed 002)."""

    same_content_30s: int = 1
    any_30s: int = 0
    hour: int = 0
    day: int = 10
    """Per calendar day in Asia/Shanghai."""
    same_content_day: int = 0


class Recent(msgspec.Struct, frozen=True):
    """What one number has been sent lately by one application."""

    same_content_30s: int = 0
    any_30s: int = 0
    hour: int = 0
    day: int = 0
    same_content_day: int = 0
