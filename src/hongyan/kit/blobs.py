"""Files under keys: in a directory of this machine, or in a bucket that speaks S3. Once `put` has returned, the bytes survive a crash."""

import asyncio
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

if TYPE_CHECKING:
    from obstore.store import S3Config

_KEY = re.compile(r"[a-z0-9][a-z0-9/_-]*")
TIMEOUT_S = 30
NO_ACCESS: Mapping[str, str] = {}


class BlobError(Exception):
    """The store cannot be used; `zh` and `en` say why and what to do."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh = zh
        self.en = en


class Blobs(Protocol):
    """What a store of files promises. Keys are small letters, digits, `/`, `_` and `-`."""

    async def put(self, key: str, content: bytes) -> None:
        """Whatever was there is replaced, whole or not at all."""

    async def get(self, key: str) -> bytes | None:
        """None when nothing is there."""

    async def delete(self, key: str) -> None:
        """Nothing happens when nothing is there."""


class Nowhere:
    """Keeps nothing: for services that are put together without a place for files."""

    async def put(self, key: str, content: bytes) -> None:  # noqa: ARG002 - as every store's
        raise _nowhere()

    async def get(self, key: str) -> bytes | None:  # noqa: ARG002 - as every store's
        return None

    async def delete(self, key: str) -> None:  # noqa: ARG002 - as every store's
        return None


class Directory:
    """Files below a directory that only its owner may enter."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._store: LocalStore | None = None

    async def put(self, key: str, content: bytes) -> None:
        await _asked(obstore.put_async(self._opened(), _checked(key), content))
        await asyncio.to_thread(self._settle, self._root / key)

    async def get(self, key: str) -> bytes | None:
        return await _found(self._opened(), key)

    async def delete(self, key: str) -> None:
        await _gone(self._opened(), key)

    def _opened(self) -> LocalStore:
        if self._store is None:
            try:
                self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
            except OSError as fault:
                raise _away(fault) from fault
            self._store = LocalStore(self._root)
        return self._store

    def _settle(self, path: Path) -> None:
        """Have the file and the directories that name it on the disk."""
        for each in (path, *(parent for parent in path.parents if parent.is_relative_to(self._root))):
            descriptor = os.open(each, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


class Bucket:
    """Objects of an S3-compatible bucket, below a prefix."""

    def __init__(self, bucket: str, prefix: str, *, endpoint: str = "", region: str = "", key_id: str = "", secret: str = "") -> None:
        # One delete for each object: the call for many is not known to every service.
        config: S3Config = {"region": region or "us-east-1", "disable_bulk_delete": True}
        if endpoint:
            config["endpoint"] = endpoint
        # Without a key of its own the machine's role, or the environment, has one.
        if key_id:
            config["access_key_id"], config["secret_access_key"] = key_id, secret
        self._store = S3Store(
            bucket,
            prefix=prefix or None,
            config=config,
            client_options={"allow_http": endpoint.startswith("http://"), "timeout": f"{TIMEOUT_S}s"},
            retry_config={"max_retries": 3},
        )

    async def put(self, key: str, content: bytes) -> None:
        await _asked(obstore.put_async(self._store, _checked(key), content))

    async def get(self, key: str) -> bytes | None:
        return await _found(self._store, key)

    async def delete(self, key: str) -> None:
        await _gone(self._store, key)


def blobs(place: str, data_dir: Path, bucket: Mapping[str, str] = NO_ACCESS) -> Blobs:
    """`s3://bucket/prefix` is a bucket; anything else a directory, `documents` in the data directory when nothing is said.

    How a bucket is reached: `endpoint`, `region`, `key_id`, `secret`, each of which may be empty.
    """
    parts = urlsplit(place)
    if parts.scheme == "s3":
        return Bucket(parts.netloc, parts.path.strip("/"), **bucket)
    return Directory(Path(place) if place else data_dir / "documents")


def _nowhere() -> BlobError:
    return BlobError("这里没有文件存储。", "There is no store of files here.")


def _checked(key: str) -> str:
    if _KEY.fullmatch(key) is None or "//" in key:
        raise ValueError(f"{key!r} is no key")
    return key


async def _asked(answer: Any) -> Any:
    try:
        return await answer
    except FileNotFoundError:
        raise
    except (BaseError, OSError) as fault:
        raise _away(fault) from fault


def _away(fault: Exception) -> BlobError:
    return BlobError(
        f"文件存储不可用：{_short(fault)}。请检查 HONGYAN_DOCUMENTS 和磁盘或对象存储后重试。",
        f"The store of files cannot be used: {_short(fault)}. Look at HONGYAN_DOCUMENTS and at the disk or bucket, then try again.",
    )


def _short(fault: Exception) -> str:
    """One line: what the library says goes on about its own innards."""
    return str(fault).partition("\n")[0][:200]


async def _found(store: LocalStore | S3Store, key: str) -> bytes | None:
    try:
        answer = await _asked(obstore.get_async(store, _checked(key)))
    except FileNotFoundError:
        return None
    return bytes(await _asked(answer.bytes_async()))


async def _gone(store: LocalStore | S3Store, key: str) -> None:
    try:
        await _asked(obstore.delete_async(store, _checked(key)))
    except FileNotFoundError:
        return
