"""command_status: names (SMPP 3.4 table 5-2 and the additions of 5.0) and what each means for a submit."""

import enum


class Meaning(enum.Enum):
    """What a response says about the request it answers."""

    ACCEPTED = "accepted"
    THROTTLED = "throttled"
    """Definitely not taken: slow the whole link down."""
    FULL = "full"
    """Definitely not taken: a queue is full, perhaps only this destination's."""
    TEMPORARY = "temporary"
    """Definitely not taken: the same request may succeed later."""
    PERMANENT = "permanent"
    """Definitely not taken, and asking again would not help."""


OK = 0x00
INVALID_COMMAND = 0x03
INVALID_BIND_STATUS = 0x04
SYSTEM_ERROR = 0x08
MESSAGE_QUEUE_FULL = 0x14
THROTTLED = 0x58
RECEIVER_TEMPORARY = 0x64

NAMES: dict[int, str] = {
    0x00: "ROK",
    0x01: "RINVMSGLEN",
    0x02: "RINVCMDLEN",
    0x03: "RINVCMDID",
    0x04: "RINVBNDSTS",
    0x05: "RALYBND",
    0x06: "RINVPRTFLG",
    0x07: "RINVREGDLVFLG",
    0x08: "RSYSERR",
    0x0A: "RINVSRCADR",
    0x0B: "RINVDSTADR",
    0x0C: "RINVMSGID",
    0x0D: "RBINDFAIL",
    0x0E: "RINVPASWD",
    0x0F: "RINVSYSID",
    0x11: "RCANCELFAIL",
    0x13: "RREPLACEFAIL",
    0x14: "RMSGQFUL",
    0x15: "RINVSERTYP",
    0x33: "RINVNUMDESTS",
    0x34: "RINVDLNAME",
    0x40: "RINVDESTFLAG",
    0x42: "RINVSUBREP",
    0x43: "RINVESMCLASS",
    0x44: "RCNTSUBDL",
    0x45: "RSUBMITFAIL",
    0x48: "RINVSRCTON",
    0x49: "RINVSRCNPI",
    0x50: "RINVDSTTON",
    0x51: "RINVDSTNPI",
    0x53: "RINVSYSTYP",
    0x54: "RINVREPFLAG",
    0x55: "RINVNUMMSGS",
    0x58: "RTHROTTLED",
    0x61: "RINVSCHED",
    0x62: "RINVEXPIRY",
    0x63: "RINVDFTMSGID",
    0x64: "RX_T_APPN",
    0x65: "RX_P_APPN",
    0x66: "RX_R_APPN",
    0x67: "RQUERYFAIL",
    0xC0: "RINVOPTPARSTREAM",
    0xC1: "ROPTPARNOTALLWD",
    0xC2: "RINVPARLEN",
    0xC3: "RMISSINGOPTPARAM",
    0xC4: "RINVOPTPARAMVAL",
    0xFE: "RDELIVERYFAILURE",
    0xFF: "RUNKNOWNERR",
    0x100: "RSERTYPUNAUTH",
    0x101: "RPROHIBITED",
    0x102: "RSERTYPUNAVAIL",
    0x103: "RSERTYPDENIED",
    0x104: "RINVDCS",
    0x105: "RINVSRCADDRSUBUNIT",
    0x106: "RINVDSTADDRSUBUNIT",
    0x107: "RINVBCASTFREQINT",
    0x108: "RINVBCASTALIAS_NAME",
    0x109: "RINVBCASTAREAFMT",
    0x10A: "RINVNUMBCAST_AREAS",
    0x10B: "RINVBCASTCNTTYPE",
    0x10C: "RINVBCASTMSGCLASS",
    0x10D: "RBCASTFAIL",
    0x10E: "RBCASTQUERYFAIL",
    0x10F: "RBCASTCANCELFAIL",
    0x110: "RINVBCAST_REP",
    0x111: "RINVBCASTSRVGRP",
    0x112: "RINVBCASTCHANIND",
}

_MEANINGS: dict[int, Meaning] = {
    OK: Meaning.ACCEPTED,
    THROTTLED: Meaning.THROTTLED,
    MESSAGE_QUEUE_FULL: Meaning.FULL,
    # The session is not bound as the carrier sees it; after the next bind the same request is fine.
    INVALID_BIND_STATUS: Meaning.TEMPORARY,
    SYSTEM_ERROR: Meaning.TEMPORARY,
    0x45: Meaning.TEMPORARY,
    RECEIVER_TEMPORARY: Meaning.TEMPORARY,
    0x102: Meaning.TEMPORARY,
}


def name(status: int) -> str:
    """Return the name without "ESME_", or the number for a carrier's own code."""
    return NAMES.get(status) or f"0x{status:08X}"


def meaning(status: int) -> Meaning:
    """Return what a submit's response says; codes nobody lists are permanent."""
    return _MEANINGS.get(status, Meaning.PERMANENT)
