"""People: what may be an address of theirs, and what may be a password."""

import enum
import re

EMAIL_MOST = 254
"""Characters of an address (RFC 5321 section 4.5.3.1.3, without its brackets)."""
LEAST, MOST = 10, 256
"""Characters of a password. Nothing is asked of its letters: length is what makes guessing dear (NIST SP 800-63B section 3.1.1.2)."""
DIFFERENT_LEAST = 5
RUN_MOST = 5
"""Characters in a row that follow each other (abcdef, 987654)."""

_EMAIL = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*@([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*"
                    r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")  # fmt: skip

COMMON = frozenset({
    "password", "passw0rd", "p@ssword", "p@ssw0rd", "pa55word", "letmein", "welcome", "iloveyou", "sunshine", "princess",
    "football", "baseball", "superman", "batman", "trustno1", "administrator", "changeme", "changeit", "hongyan", "test", "testing",
    "secret", "default", "guest", "master", "login", "monkey", "dragon", "shadow", "michael", "jennifer", "charlie", "computer",
    "internet", "samsung", "starwars", "whatever", "freedom", "qwerty", "qwertyuiop", "asdfgh", "asdfghjkl", "zxcvbnm", "qazwsx",
    "qazwsxedc", "1qaz2wsx", "1qaz2wsx3edc", "q1w2e3r4", "q1w2e3r4t5", "1q2w3e4r", "1q2w3e4r5t", "a1b2c3d4", "abc123", "woaini",
    "woaini1314", "woaini520", "5201314", "1314520", "mima", "mimamima", "admin", "admin888", "admin123", "root", "toor", "user",
    "system", "manager", "oracle", "mysql", "postgres", "access",
})  # fmt: skip
"""Words that lists of stolen passwords begin with. Of longer ones they are the core, with digits and marks around them."""

_CORE = re.compile(r"[^a-z0-9@]+|^[0-9@]+|[0-9@]+$")
_ROWS = ("abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm")


class Weakness(enum.Enum):
    """Why a password cannot be taken."""

    SHORT = "short"
    LONG = "long"
    FEW = "few"
    RUNS = "runs"
    COMMON = "common"
    OWN = "own"


class SecondFactor(enum.StrEnum):
    """Who has to have one."""

    OPTIONAL = "optional"
    OPERATORS = "operators"
    EVERYONE = "everyone"


def email(written: str) -> str | None:
    """The address in small letters and without blanks around it; None when it is none that mail can go to."""
    plain = written.strip().lower()
    return plain if len(plain) <= EMAIL_MOST and _EMAIL.fullmatch(plain) is not None else None


def weakness(password: str, *names: str) -> Weakness | None:
    """What is wrong with a password for somebody of these names and addresses; None when it can be taken."""
    if len(password) < LEAST:
        return Weakness.SHORT
    if len(password) > MOST:
        return Weakness.LONG
    small = password.lower()
    if len(set(small)) < DIFFERENT_LEAST:
        return Weakness.FEW
    left = small
    for part in sorted(
        {part for name in names for part in re.split(r"\W+|@", name.lower()) + name.lower().split("@")}, key=len, reverse=True
    ):
        left = left.replace(part, "") if len(part) >= DIFFERENT_LEAST else left
    if len(left) <= LEAST // 2:
        return Weakness.OWN
    if _without_runs(small) < LEAST // 2:
        return Weakness.RUNS
    return Weakness.COMMON if _core(small) in COMMON or small in COMMON else None


def _core(small: str) -> str:
    """What is left without digits and marks before and after: hunter2!! is hunter."""
    core = small
    while (stripped := _CORE.sub("", core)) != core:
        core = stripped
    return core


def _without_runs(small: str) -> int:
    """How many characters there are when whatever goes on like an alphabet, like numbers or like a row of keys counts as one."""
    count, at = 0, 0
    while at < len(small):
        length = max((_run(small, at, row) for row in (*_ROWS, *(row[::-1] for row in _ROWS))), default=1)
        at += length if length >= RUN_MOST else 1
        count += 1
    return count


def _run(small: str, at: int, row: str) -> int:
    """How far the text goes on along the row from here."""
    place = row.find(small[at])
    if place < 0:
        return 1
    length = 1
    while at + length < len(small) and place + length < len(row) and small[at + length] == row[place + length]:
        length += 1
    return length
