"""Stores of files: the same promises in a directory and in a bucket, told by a small server that speaks as much S3 as is needed."""

import asyncio
import contextlib
import hashlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hongyan.kit.blobs import BlobError, Blobs, Bucket, Directory, Nowhere, blobs


class S3:
    """Objects in memory; refuses requests that are not signed with its key."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.away = False

    async def answer(self, request: Request) -> Response:
        if self.away:
            return Response(status_code=503)
        if "Credential=key-1/" not in request.headers.get("authorization", ""):
            return Response(status_code=403)
        key = request.url.path
        match request.method:
            case "PUT":
                self.objects[key] = await request.body()
                return Response(headers={"ETag": f'"{hashlib.sha256(self.objects[key]).hexdigest()}"'})
            case "DELETE":
                self.objects.pop(key, None)
                return Response(status_code=204)
            case _:
                if key not in self.objects:
                    return Response("<Error><Code>NoSuchKey</Code></Error>", status_code=404)
                found = self.objects[key]
                headers = {"ETag": '"1"', "Last-Modified": "Mon, 23 Nov 2026 02:00:00 GMT", "Content-Length": str(len(found))}
                return Response(b"" if request.method == "HEAD" else found, headers=headers)


@contextlib.asynccontextmanager
async def serving(s3: S3) -> AsyncIterator[str]:
    app = Starlette(routes=[Route("/{path:path}", s3.answer, methods=["GET", "HEAD", "PUT", "DELETE"])])
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        task = asyncio.create_task(server.serve([listening]))
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


@pytest.fixture
async def s3() -> S3:
    return S3()


@pytest.fixture(params=["directory", "bucket"])
async def store(request: pytest.FixtureRequest, s3: S3, tmp_path: Path) -> AsyncIterator[Blobs]:
    if request.param == "directory":
        yield Directory(tmp_path / "files")
        return
    async with serving(s3) as endpoint:
        yield blobs("s3://papers/of/customers", tmp_path, {"endpoint": endpoint, "region": "", "key_id": "key-1", "secret": "s"})


async def test_what_is_put_is_got_replaced_and_deleted(store: Blobs) -> None:
    assert await store.get("1/a") is None
    await store.put("1/a", b"first")
    await store.put("1/b", bytes(range(256)) * 4000)
    await store.put("1/a", b"second")
    assert await store.get("1/a") == b"second"
    assert await store.get("1/b") == bytes(range(256)) * 4000
    await store.delete("1/a")
    await store.delete("1/a")
    assert await store.get("1/a") is None
    assert await store.get("1/b") is not None


@pytest.mark.parametrize("key", ["", "/etc/passwd", "../x", "a/../b", "a//b", "A", "a b", "a\n"])
async def test_a_key_that_could_lead_elsewhere_is_refused(store: Blobs, key: str) -> None:
    for doing in (store.put(key, b"x"), store.get(key), store.delete(key)):
        with pytest.raises(ValueError, match="is no key"):
            await doing


async def test_many_at_once(store: Blobs) -> None:
    await asyncio.gather(*(store.put(f"many/{n}", bytes([n])) for n in range(30)))
    assert await asyncio.gather(*(store.get(f"many/{n}") for n in range(30))) == [bytes([n]) for n in range(30)]


async def test_a_bucket_keeps_its_prefix_and_says_when_it_is_away(s3: S3, tmp_path: Path) -> None:
    async with serving(s3) as endpoint:
        store = blobs("s3://papers/of/customers", tmp_path, {"endpoint": endpoint, "key_id": "key-1", "secret": "s"})
        await store.put("1/a", b"x")
        assert list(s3.objects) == ["/papers/of/customers/1/a"]
        stranger = Bucket("papers", "", endpoint=endpoint, key_id="key-2", secret="s")
        for doing in (stranger.put("1/a", b"x"), stranger.get("1/a")):
            with pytest.raises(BlobError):
                await doing


async def test_a_directory_is_its_owner_s_and_one_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    store = blobs("", tmp_path)
    await store.put("1/a", b"x")
    assert (tmp_path / "documents").stat().st_mode & 0o777 == 0o700
    (tmp_path / "file").write_text("no directory")
    with pytest.raises(BlobError, match="HONGYAN_DOCUMENTS"):
        await blobs(str(tmp_path / "file"), tmp_path).put("1/a", b"x")


async def test_nowhere_keeps_nothing() -> None:
    assert await Nowhere().get("a") is None
    await Nowhere().delete("a")
    with pytest.raises(BlobError):
        await Nowhere().put("a", b"x")
