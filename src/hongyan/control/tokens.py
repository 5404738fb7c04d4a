"""Ids and secrets of the shape Tencent Cloud gives them."""

from collections.abc import Callable

Entropy = Callable[[int], bytes]
"""Gives so many unpredictable bytes: os.urandom in the running platform."""

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_FAIR = 256 - 256 % len(_LETTERS)


def letters(entropy: Entropy, length: int) -> str:
    """Letters and digits, each equally likely: bytes that would favour the first ones are thrown away."""
    text = ""
    while len(text) < length:
        text += "".join(_LETTERS[byte % len(_LETTERS)] for byte in entropy(length) if byte < _FAIR)
    return text[:length]


def secret_id(entropy: Entropy) -> str:
    """36 characters: AKID and 32 letters and digits."""
    return "AKID" + letters(entropy, 32)


def secret_key(entropy: Entropy) -> str:
    """32 letters and digits."""
    return letters(entropy, 32)


def app_key(entropy: Entropy) -> str:
    """32 hexadecimal digits."""
    return entropy(16).hex()


def access_key(entropy: Entropy) -> str:
    """28 letters and digits, as Huawei Cloud's application keys."""
    return letters(entropy, 28)


def access_secret(entropy: Entropy) -> str:
    """28 letters and digits."""
    return letters(entropy, 28)


def ticket(entropy: Entropy) -> str:
    """43 letters and digits that cannot be guessed (256 bits): what a session or a ticket is known by."""
    return letters(entropy, 43)


def key_context(secret_id: str) -> str:
    """Where a SecretKey is sealed for."""
    return f"secret key of {secret_id}"


def app_context(app_id: int) -> str:
    """Where an AppKey is sealed for."""
    return f"AppKey of {app_id}"


def access_context(app_id: int) -> str:
    """Where the secret of an application's key is sealed for."""
    return f"access secret of {app_id}"


def link_context(name: str) -> str:
    """Where a link's password is sealed for."""
    return f"password of link {name}"


def callback_context(app_id: int) -> str:
    """Where the secrets of an application's callbacks are sealed for."""
    return f"callback secrets of {app_id}"


def hook_context(account_id: int) -> str:
    """Where secrets of an account's web hooks are sealed for."""
    return f"web hooks of account {account_id}"
