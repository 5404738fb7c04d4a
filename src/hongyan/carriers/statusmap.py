"""What carriers' words mean: each reported state and its verdict."""

from hongyan.model.carrier import Verdict

WORDS: dict[str, Verdict] = {
    "DELIVRD": Verdict.DELIVERED,
    "EXPIRED": Verdict.EXPIRED,
    "UNDELIV": Verdict.FAILED,
    "DELETED": Verdict.FAILED,
    "REJECTD": Verdict.FAILED,
    "FAILED": Verdict.FAILED,
    "SKIPPED": Verdict.FAILED,
    "SCHEDLD": Verdict.PENDING,
    "ENROUTE": Verdict.PENDING,
    "BUFFRED": Verdict.PENDING,
    # SMPP 3.4 section 5.2.28 calls it final, carriers send it on the way (CMPP 3.0 tells gateways to drop it): waiting loses nothing.
    "ACCEPTD": Verdict.PENDING,
    "UNKNOWN": Verdict.PENDING,
}
"""The words of `stat:` (SMPP 3.4 appendix B and what else is seen)."""

STATES: dict[int, str] = {
    0: "SCHEDLD",
    1: "ENROUTE",
    2: "DELIVRD",
    3: "EXPIRED",
    4: "DELETED",
    5: "UNDELIV",
    6: "ACCEPTD",
    7: "UNKNOWN",
    8: "REJECTD",
    9: "SKIPPED",
}
"""message_state (SMPP 3.4 section 5.2.28; 0 and 9 come from 5.0) in the words above."""


def verdict(word: str) -> Verdict:
    """Return what a carrier's word says. Codes such as MK:0001, which nobody lists in full, are failures; other words change nothing."""
    known = WORDS.get(word.upper())
    if known is not None:
        return known
    return Verdict.FAILED if any(character.isdigit() for character in word) else Verdict.PENDING
