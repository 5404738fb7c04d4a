"""Documents: licences, letters of authorisation. Hostile until proven otherwise, sealed where they lie, seen by whoever may."""

import asyncio
import hashlib
from collections.abc import Callable, Iterable

import msgspec

from hongyan.control import rules, tokens
from hongyan.control.audit import Audit
from hongyan.control.errors import ControlError, Fault, Noun, not_found
from hongyan.control.permissions import demand, within
from hongyan.kit.blobs import Blobs
from hongyan.kit.db import Connection, Database
from hongyan.kit.secretbox import SecretBox
from hongyan.kit.uploads import Refusal, recognise, safe_name
from hongyan.model.actor import Actor, Permission
from hongyan.store import accounts, documents
from hongyan.store.documents import DocumentRow

SIZE_MOST = 5 * 1024 * 1024
MOST = 2_000
BYTES_MOST = 1024 * 1024 * 1024
"""An account has at most so many, of so many bytes together."""
PAGE_MOST = 500

REFUSALS: dict[Refusal, tuple[str, str]] = {
    Refusal.EMPTY: ("文件是空的。", "The file is empty."),
    Refusal.UNKNOWN: ("只接受 PNG、JPEG 图片和 PDF，按内容判断。", "Only PNG and JPEG pictures and PDF are taken, by their content."),
    Refusal.BROKEN: ("文件不完整或已损坏：请重新导出后上传。", "The file is damaged: export it again and upload that."),
    Refusal.TOO_MANY_PIXELS: ("图片尺寸过大：请缩小到一亿像素以内。", "The picture has too many pixels: make it smaller than 100 million."),
    Refusal.ACTIVE: (
        "PDF 里有脚本、附件或无法检查的内容：请打印成新的 PDF 后上传。",
        "The PDF has scripts, files or something that cannot be looked into: print it to a new PDF and upload that.",
    ),
    Refusal.LOCKED: ("PDF 已加密：请去掉密码后上传。", "The PDF is encrypted: take the password off and upload it again."),
}


class Document(msgspec.Struct, frozen=True):
    """A document with its bytes. Hand it out as a download of its media type, never as a page."""

    row: DocumentRow
    content: bytes


class Documents:
    """What accounts hand in."""

    def __init__(
        self, db: Database, audit: Audit, blobs: Blobs, box: SecretBox, *, clock: Callable[[], float], entropy: tokens.Entropy
    ) -> None:
        self._db = db
        self._audit = audit
        self._blobs = blobs
        self._box = box
        self._clock = clock
        self._entropy = entropy

    async def add(self, actor: Actor, account_id: int, name: str, content: bytes, about: str = "") -> DocumentRow:
        """At most 5 MiB. The same content again is the same document. Raises `kit.blobs.BlobError` when the store is away."""
        demand(actor, Permission.APPLY, account_id)
        said = rules.remark(about)
        if len(content) > SIZE_MOST:
            raise ControlError(
                Fault.INVALID,
                f"文件最大 {SIZE_MOST // 1024 // 1024} MB：请压缩后再上传。",
                f"A document has at most {SIZE_MOST // 1024 // 1024} MB: make it smaller.",
                why="document_too_large",
            )
        found = await asyncio.to_thread(recognise, content)
        if isinstance(found, Refusal):
            raise ControlError(Fault.INVALID, *REFUSALS[found], why=f"document_{found}")
        digest = hashlib.sha256(found.content).digest()
        # A place of its own, so that whoever deletes the same content at this moment does not delete this.
        place = f"{account_id}/{digest.hex()}-{self._entropy(8).hex()}"
        async with self._db.connection() as conn:
            if await accounts.get(conn, account_id) is None:
                raise not_found(Noun.ACCOUNT, account_id)
            await _room(conn, account_id, len(found.content))
        # Written first: a row never names what is not there.
        await self._blobs.put(place, self._box.seal_bytes(found.content, _context(place)))
        async with self._db.transaction() as tx:
            await accounts.lock(tx, account_id)
            await _room(tx, account_id, len(found.content))
            added = await documents.add(
                tx,
                account_id=account_id,
                name=safe_name(name, found.media_type),
                media_type=found.media_type.value,
                size=len(found.content),
                sha256=digest,
                place=place,
                about=said,
                now=self._clock(),
            )
            await self._audit.record(
                tx, actor, "document.add", added.id, account_id=account_id, detail={"name": added.name, "sha256": digest.hex()}
            )
        if added.place != place:
            await self._blobs.delete(place)
        return added

    async def read(self, actor: Actor, document_id: int) -> Document:
        """With its bytes. Reviewers see everybody's, an account its own."""
        demand(actor, Permission.REVEAL)
        async with self._db.connection() as conn:
            row = await documents.get(conn, document_id, account_id=actor.account_id)
        if row is None:
            raise not_found(Noun.DOCUMENT, document_id)
        sealed = await self._blobs.get(row.place)
        if sealed is None:
            raise ControlError(
                Fault.NOT_FOUND,
                f"文件 {document_id} 的内容不在存储里：多台机器时请用同一个对象存储（HONGYAN_DOCUMENTS），或从备份恢复。",
                f"The content of document {document_id} is not in the store: let all machines use one bucket (HONGYAN_DOCUMENTS), "
                "or restore it from a backup.",
                why="document_lost",
            )
        if actor.account_id is None:
            # Who of the operator's people looks at a customer's papers is noted; an account looks at its own as it likes.
            async with self._db.transaction() as tx:
                await self._audit.record(tx, actor, "document.read", document_id, account_id=row.account_id, detail={"name": row.name})
        return Document(row, self._box.open_bytes(sealed, _context(row.place)))

    async def get(self, actor: Actor, document_id: int) -> DocumentRow:
        demand(actor, Permission.READ)
        async with self._db.connection() as conn:
            row = await documents.get(conn, document_id, account_id=actor.account_id)
        if row is None:
            raise not_found(Noun.DOCUMENT, document_id)
        return row

    async def in_use(self, actor: Actor, document_id: int) -> bool:
        """Whether a qualification, a signature or a verification rests on it."""
        row = await self.get(actor, document_id)
        async with self._db.connection() as conn:
            return await documents.in_use(conn, row.account_id, document_id)

    async def page(self, actor: Actor, *, account_id: int | None = None, after_id: int = 0, most: int = 100) -> list[DocumentRow]:
        only = within(actor, account_id)
        demand(actor, Permission.READ, only)
        async with self._db.connection() as conn:
            return await documents.page(conn, account_id=only, after_id=after_id, most=max(1, min(most, PAGE_MOST)))

    async def delete(self, actor: Actor, document_id: int) -> None:
        """Only while nothing rests on it."""
        demand(actor, Permission.APPLY)
        async with self._db.transaction() as tx:
            row = await documents.get(tx, document_id, account_id=actor.account_id)
            if row is None:
                raise not_found(Noun.DOCUMENT, document_id)
            await accounts.lock(tx, row.account_id)
            if await documents.in_use(tx, row.account_id, document_id):
                raise ControlError(
                    Fault.IN_USE,
                    f"文件 {document_id} 仍被资质、签名或账号认证使用：请先删除它们或换成别的文件。",
                    f"Document {document_id} is part of a qualification, signature or verification: delete those first.",
                    why="document_in_use",
                )
            await documents.remove(tx, document_id)
            await self._audit.record(tx, actor, "document.delete", document_id, account_id=row.account_id, detail={"name": row.name})
        await self._blobs.delete(row.place)


def _context(place: str) -> str:
    return f"document {place}"


async def _room(conn: Connection, account_id: int, size: int) -> None:
    documents_kept, bytes_kept = await documents.kept(conn, account_id)
    if documents_kept >= MOST or bytes_kept + size > BYTES_MOST:
        raise ControlError(
            Fault.TOO_MANY,
            f"每个账号最多 {MOST} 份文件、共 {BYTES_MOST // 1024 // 1024} MB：请先删除不用的。",
            f"An account has at most {MOST} documents of {BYTES_MOST // 1024 // 1024} MB together: delete some that are not needed.",
            why="too_many_documents",
        )


async def usable(tx: Connection, account_id: int, ids: Iterable[int | None]) -> None:
    """Raises unless all of them are the account's; they stay until the transaction ends."""
    wanted = sorted({each for each in ids if each is not None})
    if not wanted:
        return
    there = {row.id for row in await documents.lock(tx, wanted, account_id=account_id)}
    for each in wanted:
        if each not in there:
            raise not_found(Noun.DOCUMENT, each)
