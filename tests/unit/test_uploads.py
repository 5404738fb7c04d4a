"""What an uploaded file really is."""

import time
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hongyan.kit.uploads import NAME_MOST, MediaType, Refusal, Upload, recognise, safe_name


def chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)


def png(width: int = 1, height: int = 1) -> bytes:
    head = width.to_bytes(4) + height.to_bytes(4) + bytes([8, 0, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2) + body


def jpeg(width: int = 4, height: int = 4, *, frame: bool = True) -> bytes:
    sizes = segment(0xC0, b"\x08" + height.to_bytes(2) + width.to_bytes(2) + b"\x01\x11\x00") if frame else b""
    scan = segment(0xDA, b"\x01\x01\x00\x00\x3f\x00") + b"data\xff\x00more\xff\xd0data"
    return b"\xff\xd8" + segment(0xE0, b"JFIF\0") + sizes + scan + b"\xff\xd9"


def pdf(*objects: bytes) -> bytes:
    return b"%PDF-1.7\n" + b"\n".join(objects) + b"\ntrailer << /Root 1 0 R >>\n%%EOF\n"


def packed(plain: bytes) -> bytes:
    return b"4 0 obj << /Type /ObjStm /Filter /FlateDecode >> stream\n" + zlib.compress(plain) + b"\nendstream endobj"


@pytest.mark.parametrize(("content", "media_type"), [(png(), MediaType.PNG), (jpeg(), MediaType.JPEG), (pdf(b"1 0 obj"), MediaType.PDF)])
def test_pictures_and_pdf_are_told_by_their_content(content: bytes, media_type: MediaType) -> None:
    found = recognise(content)
    assert isinstance(found, Upload)
    assert (found.media_type, found.content) == (media_type, content)


@pytest.mark.parametrize("content", [png(), jpeg(), pdf(b"1 0 obj")])
def test_what_follows_the_end_is_cut_off(content: bytes) -> None:
    found = recognise(content + b"<script>alert(1)</script>")
    assert isinstance(found, Upload)
    assert found.content == content


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", Refusal.EMPTY),
        (b"GIF89a", Refusal.UNKNOWN),
        (b"<svg onload=alert(1)>", Refusal.UNKNOWN),
        (b"PK\x03\x04" + png(), Refusal.UNKNOWN),
        (b"\n%PDF-1.7", Refusal.UNKNOWN),
        (png()[:-1], Refusal.BROKEN),
        (png().replace(b"IDAT", b"IDAX"), Refusal.BROKEN),
        (b"\x89PNG\r\n\x1a\n" + chunk(b"IDAT", b"") + chunk(b"IEND", b""), Refusal.BROKEN),
        (b"\x89PNG\r\n\x1a\n" + b"\xff" * 40, Refusal.BROKEN),
        (png(20_001, 1), Refusal.TOO_MANY_PIXELS),
        (png(20_000, 20_000), Refusal.TOO_MANY_PIXELS),
        (png(0, 1), Refusal.TOO_MANY_PIXELS),
        (jpeg()[:-1], Refusal.BROKEN),
        (jpeg(frame=False), Refusal.BROKEN),
        (jpeg(65_535, 65_535), Refusal.TOO_MANY_PIXELS),
        (b"\xff\xd8\xff" + b"\xff" * 100, Refusal.BROKEN),
        (b"\xff\xd8\xff\xe0\x00\x00", Refusal.BROKEN),
        (b"%PDF-1.7\nno end", Refusal.BROKEN),
        (pdf(b"1 0 obj << /OpenAction << /S /JavaScript /JS (app.alert(1)) >> >>"), Refusal.ACTIVE),
        (pdf(b"1 0 obj << /S /#4aavaScript >>"), Refusal.ACTIVE),
        (pdf(b"1 0 obj << /Names << /EmbeddedFiles 2 0 R >> >>"), Refusal.ACTIVE),
        (pdf(b"1 0 obj << /S /Launch /F (cmd.exe) >>"), Refusal.ACTIVE),
        (pdf(packed(b"5 0 << /S /JavaScript >>")), Refusal.ACTIVE),
        (pdf(packed(b"5 0 << /S /J#61vaScript >>")), Refusal.ACTIVE),
        (pdf(packed(b" " * 30_000_000)), Refusal.ACTIVE),
        (pdf(b"4 0 obj << /Type /ObjStm /Filter /LZWDecode >> stream\n\x80\x0b\nendstream endobj"), Refusal.ACTIVE),
        (pdf(b"1 0 obj << /Encrypt 2 0 R >>"), Refusal.LOCKED),
        (b"%PDF-1.7\nPK\x03\x04...PK\x05\x06" + bytes(18) + b"\n%%EOF", Refusal.ACTIVE),
    ],
)
def test_what_is_no_document_or_more_than_one_is_refused(content: bytes, why: Refusal) -> None:
    assert recognise(content) is why


@pytest.mark.parametrize(
    "content",
    [
        pdf(packed(b"/a#20" * 4_000_000)), pdf(b"/" + b"a" * 5_000_000), pdf(b"#41" * 1_600_000), pdf(b"stream\n" * 700_000),
        pdf(b"stream\nendstream " * 280_000), pdf(*[packed(b"x" * 100_000)] * 300), b"\xff\xd8" + b"\xff" * 5_000_000,
        b"\xff\xd8" + b"\xff\xe0\x00\x02" * 1_250_000, b"\xff\xd8" + b"\xff\xd0" * 2_500_000,
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", b"\0\0\0\1" * 2) + chunk(b"tEXt", b"") * 400_000,
    ],
)  # fmt: skip
def test_no_file_of_five_megabytes_keeps_anybody_waiting(content: bytes) -> None:
    began = time.process_time()
    recognise(content)
    assert time.process_time() - began < 2


def test_a_word_in_the_text_of_a_pdf_is_no_script() -> None:
    stream = b"4 0 obj << /Length 30 >> stream\nBT (/JavaScript is a name) Tj ET\nendstream endobj"
    assert isinstance(recognise(pdf(stream, packed(b"5 0 << /Font /JSomething >>"))), Upload)


@given(st.sampled_from([png(), jpeg(), pdf(packed(b"5 0 << >>"))]), st.integers(0, 400), st.binary(max_size=8))
def test_whatever_is_changed_in_a_file_it_is_taken_whole_or_refused(content: bytes, at: int, junk: bytes) -> None:
    found = recognise(content[:at] + junk + content[at + len(junk) :])
    assert isinstance(found, (Upload, Refusal))


@given(st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"%PDF-"]), st.binary(max_size=300))
def test_no_bytes_upset_the_reader(head: bytes, junk: bytes) -> None:
    assert isinstance(recognise(head + junk), (Upload, Refusal))


@given(st.text(max_size=200), st.sampled_from(MediaType))
def test_a_name_has_no_path_no_marks_and_the_right_extension(name: str, media_type: MediaType) -> None:
    safe = safe_name(name, media_type)
    assert 1 < len(safe) <= NAME_MOST
    assert safe.endswith({MediaType.PNG: ".png", MediaType.JPEG: ".jpg", MediaType.PDF: ".pdf"}[media_type])
    assert not set(safe) & set("/\\<>:\"|?*%;&'`$\u202e\u200b\0\n")
    assert safe.isprintable()


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("licence.jpeg", "licence.png"), ("../../etc/passwd", "passwd.png"), ("C:\\x\\营业执照.PDF", "营业执照.png"),
        ("", "document.png"), ("...", "document.png"),
    ],
)  # fmt: skip
def test_names_as_they_come(name: str, safe: str) -> None:
    assert safe_name(name, MediaType.PNG) == safe
