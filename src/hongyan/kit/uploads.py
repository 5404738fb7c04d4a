"""What an uploaded file really is, by its content. Whoever uploads is not believed: neither the name nor the declared type is looked at.

Only pictures (PNG, JPEG) and PDF are taken, and only those that hold nothing else: a file that is two things at once, a picture of a size
that no screen could show, a PDF that runs scripts or carries files are refused.
"""

import enum
import re
import unicodedata
import zlib
from collections.abc import Iterator

import msgspec

SIDE_MOST = 20_000
PIXELS_MOST = 100_000_000
INFLATED_MOST = 20_000_000
"""So much of a PDF's packed objects is looked into; one that has more is refused."""
NAME_MOST = 100
PNG_HEAD = b"\x89PNG\r\n\x1a\n"
PNG_CHUNK = 12
"""Length, type and checksum around a chunk's content."""


class MediaType(enum.StrEnum):
    PNG = "image/png"
    JPEG = "image/jpeg"
    PDF = "application/pdf"


EXTENSIONS: dict[MediaType, str] = {MediaType.PNG: ".png", MediaType.JPEG: ".jpg", MediaType.PDF: ".pdf"}


class Refusal(enum.StrEnum):
    """Why a file is not taken."""

    EMPTY = "empty"
    UNKNOWN = "unknown"
    BROKEN = "broken"
    TOO_MANY_PIXELS = "too_many_pixels"
    ACTIVE = "active"
    """It runs or carries something."""
    LOCKED = "locked"
    """It is encrypted."""


class Upload(msgspec.Struct, frozen=True):
    """A file that was looked through."""

    media_type: MediaType
    content: bytes
    """Without what came after its end."""


def recognise(content: bytes) -> Upload | Refusal:
    """What it is, or why it is not taken."""
    if not content:
        return Refusal.EMPTY
    if content.startswith(PNG_HEAD):
        return _png(content)
    if content.startswith(b"\xff\xd8\xff"):
        return _jpeg(content)
    if content.startswith(b"%PDF-"):
        return _pdf(content)
    return Refusal.UNKNOWN


def safe_name(name: str, media_type: MediaType) -> str:
    """A name that can be shown and offered for download: no path, no control or direction marks, the extension of what it is."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    plain = "".join(char for char in last if char.isprintable() and unicodedata.category(char) not in {"Cf", "Zl", "Zp"})
    stem = re.sub(r'[<>:"|?*%;&\'`$]', "_", plain.rpartition(".")[0] or plain).strip(" .")
    extension = EXTENSIONS[media_type]
    return (stem[: NAME_MOST - len(extension)] or "document") + extension


def _fits(width: int, height: int) -> bool:
    return 0 < width <= SIDE_MOST and 0 < height <= SIDE_MOST and width * height <= PIXELS_MOST


def _png(content: bytes) -> Upload | Refusal:
    at, seen = len(PNG_HEAD), 0
    while at + PNG_CHUNK <= len(content):
        length = int.from_bytes(content[at : at + 4])
        kind, body = content[at + 4 : at + 8], content[at + 8 : at + 8 + length]
        end = at + PNG_CHUNK + length
        if end > len(content) or zlib.crc32(kind + body) != int.from_bytes(content[end - 4 : end]) or (seen == 0) != (kind == b"IHDR"):
            return Refusal.BROKEN
        if kind == b"IHDR" and not _fits(int.from_bytes(body[:4]), int.from_bytes(body[4:8])):
            return Refusal.TOO_MANY_PIXELS
        if kind == b"IEND":
            return Upload(MediaType.PNG, content[:end])
        at, seen = end, seen + 1
    return Refusal.BROKEN


STARTS_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
SCAN, END = 0xDA, 0xD9
_MARKER = re.compile(rb"\xff+([^\x00\xff])")
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


def _jpeg(content: bytes) -> Upload | Refusal:
    at, sized = 2, False
    while (found := _MARKER.match(content, at)) is not None:
        marker, at = found[1][0], found.end()
        if marker == END and sized:
            return Upload(MediaType.JPEG, content[:at])
        length = int.from_bytes(content[at : at + 2])
        if length < 2 or at + length > len(content):  # noqa: PLR2004 - the length counts itself
            break
        if marker in STARTS_OF_FRAME:
            sized = True
            if not _fits(int.from_bytes(content[at + 5 : at + 7]), int.from_bytes(content[at + 3 : at + 5])):
                return Refusal.TOO_MANY_PIXELS
        at += length
        if marker == SCAN:
            ended = _NEXT_MARKER.search(content, at)
            at = len(content) if ended is None else ended.start()
    return Refusal.BROKEN


_HIDDEN = re.compile(rb"/[^\x00-\x20/<>\[\](){}%]*?#(?:4[1-9A-Fa-f]|5[0-9Aa]|6[1-9A-Fa-f]|7[0-9Aa])")
"""A name with a letter written as a number: allowed, and only done to hide what it says."""
_ACTIVE = re.compile(
    rb"/(?:JavaScript|JS|Launch|EmbeddedFiles?|RichMedia|SubmitForm|ImportData|GoToE|GoToR|XFA|Movie|Sound|3D)(?![A-Za-z0-9])"
)
_ENCRYPTED = re.compile(rb"/Encrypt(?![A-Za-z0-9])")
_STREAM = re.compile(rb"stream\r?\n")
PDF_TAIL = 2048
END_OF_FILE = b"%%EOF"
ARCHIVE_END, ARCHIVE_TAIL = b"PK\x05\x06", 66_000
"""An archive is known by what is at its end, whatever it begins with."""


def _pdf(content: bytes) -> Upload | Refusal:
    end = content.rfind(END_OF_FILE)
    if end < len(content) - PDF_TAIL - len(END_OF_FILE) or end < 0:
        return Refusal.BROKEN
    kept = content[: end + len(END_OF_FILE)] + b"\n"
    if ARCHIVE_END in kept[-ARCHIVE_TAIL:]:
        return Refusal.ACTIVE
    budget = INFLATED_MOST
    for part in _parts(kept):
        budget -= len(part)
        if budget < 0:
            return Refusal.ACTIVE
        if _ENCRYPTED.search(part):
            return Refusal.LOCKED
        if _ACTIVE.search(part) or _HIDDEN.search(part):
            return Refusal.ACTIVE
    return Upload(MediaType.PDF, kept)


def _parts(content: bytes) -> Iterator[bytes]:
    """The text of the objects: what lies between streams, and what is packed in streams of objects."""
    at = 0
    for stream in _STREAM.finditer(content):
        if stream.start() < at:
            continue
        between = content[at : stream.start()]
        yield between
        end = content.find(b"endstream", stream.end())
        if end < 0:
            break
        if b"/ObjStm" in between:
            yield _inflated(content[stream.end() : end])
        at = end
    yield content[at:]


def _inflated(packed: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(packed, INFLATED_MOST + 1)
    except zlib.error:
        # Objects that cannot be read here, some reader may still read: they count as what is forbidden.
        return b"/JavaScript"
