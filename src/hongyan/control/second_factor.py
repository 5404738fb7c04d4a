"""The second factor: codes of a device by time (RFC 6238), and recovery codes for when it is lost."""

import base64
import contextlib

import pyotp

from hongyan.control import tokens
from hongyan.kit.db import Connection
from hongyan.kit.secretbox import SecretBox
from hongyan.store import users

ISSUER = "Hongyan"
SECRET_BYTES = 20
"""160 bits, as RFC 4226 section 4 recommends."""
DIGITS = 6
DRIFT = 1
"""Steps of 30 s by which a device's clock may differ."""
CODES = 10
CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
CODE_LENGTH = 12
"""Of 32 letters: 60 bits."""
RECOVERY = "recovery code"
TEXT_MOST = 1024
"""Characters that are looked at of anything a stranger gives."""


def secret(entropy: tokens.Entropy) -> str:
    """A new secret, in the letters that devices take."""
    return base64.b32encode(entropy(SECRET_BYTES)).decode()


def uri(plain: str, email: str) -> str:
    """What a device reads from a QR code."""
    return pyotp.TOTP(plain).provisioning_uri(name=email, issuer_name=ISSUER)


def context(user_id: int) -> str:
    """Where a user's secret is sealed for."""
    return f"second factor of user {user_id}"


def step(plain: str, code: str, now: float) -> int | None:
    """The time step a code is of; None when it is none of now."""
    with contextlib.suppress(pyotp.exceptions.OTPVerificationError):
        return pyotp.TOTP(plain).verify_and_get_timecode(code, for_time=int(now), valid_window=DRIFT)
    return None


def recovery_codes(entropy: tokens.Entropy) -> list[str]:
    """New ones, as people write them down: XXXX-XXXX-XXXX."""
    plain = ["".join(CODE_LETTERS[byte % len(CODE_LETTERS)] for byte in entropy(CODE_LENGTH)) for _ in range(CODES)]
    return ["-".join(text[at : at + 4] for at in range(0, CODE_LENGTH, 4)) for text in plain]


def recovery_mark(box: SecretBox, user_id: int, code: str) -> bytes:
    """What is kept of a recovery code, however it is written."""
    plain = "".join(char for char in code.upper() if char.isalnum())
    return box.mark(f"{user_id}:{plain}".encode(), RECOVERY)


async def take(tx: Connection, box: SecretBox, user_id: int, code: str, now: float) -> bool:
    """Use up a code of the user's; whether it was good. No code is good twice, not even for two who give it at once."""
    proof = await users.lock_proof(tx, user_id)
    if proof is None or proof.totp_sealed is None:
        return False
    plain = "".join(code[:TEXT_MOST].split())
    if not (len(plain) == DIGITS and plain.isascii() and plain.isdigit()):
        return await users.use_recovery_code(tx, user_id, recovery_mark(box, user_id, plain))
    found = step(box.open(proof.totp_sealed, context(user_id)), plain, now)
    if found is None or found <= proof.totp_step:
        return False
    await users.use_totp(tx, user_id, found)
    return True
