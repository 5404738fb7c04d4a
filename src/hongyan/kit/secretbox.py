"""Secrets at rest: sealed with AES-256-GCM under one master key that lives outside the database."""

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
KEY_FILE = "master.key"
_VERSION = b"\x01"
_KEY_ID_BYTES = 4
_NONCE_BYTES = 12
_HEAD_BYTES = len(_VERSION) + _KEY_ID_BYTES + _NONCE_BYTES

Entropy = Callable[[int], bytes]
"""Gives so many unpredictable bytes: os.urandom in the running platform."""


class SecretError(Exception):
    """A secret cannot be sealed or opened; `zh` and `en` say what to do about it."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh = zh
        self.en = en


class MasterKeyError(SecretError):
    """The master key itself is not 32 bytes of base64, or its file cannot be read."""


class WrongMasterKeyError(SecretError):
    """It was sealed under another master key."""


class BrokenSealError(SecretError):
    """The key is right, but the sealed bytes were changed or belong to another place."""


class SecretBox:
    """Seals and opens with one key. What was sealed in one `context` opens in no other, so rows cannot be swapped."""

    def __init__(self, key: bytes, entropy: Entropy) -> None:
        if len(key) != KEY_BYTES:
            raise _bad_key()
        self._cipher = AESGCM(key)
        self._key_id = hashlib.sha256(b"hongyan master key id" + key).digest()[:_KEY_ID_BYTES]
        self._entropy = entropy
        self._marks = hmac.digest(key, b"hongyan marks", "sha256")

    def mark(self, told: bytes, context: str) -> bytes:
        """32 bytes that only a holder of the master key can make for this text in this context (HMAC-SHA256): for chains and look-ups."""
        return hmac.digest(self._marks, len(context).to_bytes(4, "big") + context.encode() + told, "sha256")

    def seal(self, plain: str, context: str) -> bytes:
        """Version, key id, nonce and ciphertext; the same text never seals to the same bytes twice."""
        return self.seal_bytes(plain.encode(), context)

    def seal_bytes(self, plain: bytes, context: str) -> bytes:
        """As `seal`, for what is no text."""
        nonce = self._entropy(_NONCE_BYTES)
        return _VERSION + self._key_id + nonce + self._cipher.encrypt(nonce, plain, context.encode())

    def open(self, sealed: bytes, context: str) -> str:
        """The text that was sealed. Raises `WrongMasterKeyError` or `BrokenSealError`."""
        return self.open_bytes(sealed, context).decode()

    def open_bytes(self, sealed: bytes, context: str) -> bytes:
        """As `open`, for what is no text."""
        if len(sealed) < _HEAD_BYTES or sealed[:1] != _VERSION:
            raise _broken(context)
        if sealed[1 : 1 + _KEY_ID_BYTES] != self._key_id:
            raise WrongMasterKeyError(
                f"{context} 是用另一把主密钥加密的：请把原来的主密钥设到 HONGYAN_MASTER_KEY，或把原来的 {KEY_FILE} 放回数据目录。",
                f"{context} was sealed under another master key: set HONGYAN_MASTER_KEY to the one used before, "
                f"or put the former {KEY_FILE} back into the data directory.",
            )
        nonce = sealed[_HEAD_BYTES - _NONCE_BYTES : _HEAD_BYTES]
        try:
            return self._cipher.decrypt(nonce, sealed[_HEAD_BYTES:], context.encode())
        except InvalidTag as fault:
            raise _broken(context) from fault


def master_key(given: str, data_dir: Path, entropy: Entropy) -> bytes:
    """The 32-byte key: `given` (base64, from HONGYAN_MASTER_KEY) when not empty, else data_dir/master.key.

    The file is made on first use, readable by its owner only, and appears complete or not at all: processes that start
    together all get the same key. Raises `MasterKeyError`.
    """
    if given:
        return _decode(given)
    path = data_dir / KEY_FILE
    try:
        if not path.exists():
            _create(path, entropy)
        return _decode(path.read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError) as fault:
        raise MasterKeyError(f"主密钥文件 {path} 不可用：{fault}", f"The master key file {path} cannot be used: {fault}") from fault


def _create(path: Path, entropy: Entropy) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{entropy(8).hex()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(entropy(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            # A link fails when the name is taken: the first process wins and the others read its key.
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink()
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _decode(text: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError) as fault:
        raise _bad_key() from fault
    if len(key) != KEY_BYTES:
        raise _bad_key()
    return key


def _bad_key() -> MasterKeyError:
    return MasterKeyError(
        "主密钥必须是 32 字节的 base64，可用 `openssl rand -base64 32` 生成；若已有数据，必须用原来的那一把。",
        "The master key must be 32 bytes in base64, as `openssl rand -base64 32` makes them; "
        "existing data needs the key it was sealed with.",
    )


def _broken(context: str) -> BrokenSealError:
    return BrokenSealError(
        f"{context} 的密文已损坏或被改动：请重新设置它，或从备份恢复数据库。",
        f"The sealed {context} is damaged or was changed: set it anew, or restore the database from a backup.",
    )
