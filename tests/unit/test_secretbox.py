import base64
import itertools
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hongyan.kit.secretbox import BrokenSealError, Entropy, MasterKeyError, SecretBox, WrongMasterKeyError, master_key

KEY = bytes(range(32))
OTHER = bytes(range(1, 33))


def counting() -> Entropy:
    numbers = itertools.count()
    return lambda size: next(numbers).to_bytes(size, "big")


@settings(max_examples=50)
@given(st.text(), st.text(alphabet=st.characters(codec="utf-8")))
def test_what_is_sealed_opens_again_in_its_context(plain: str, context: str) -> None:
    try:
        plain.encode()
    except UnicodeEncodeError:
        return
    box = SecretBox(KEY, os.urandom)
    assert box.open(box.seal(plain, context), context) == plain


def test_the_same_text_never_seals_to_the_same_bytes() -> None:
    box = SecretBox(KEY, counting())
    assert box.seal("secret", "here") != box.seal("secret", "here")


def test_the_sealed_bytes_do_not_show_the_text() -> None:
    assert b"canary-secret" not in SecretBox(KEY, os.urandom).seal("canary-secret", "here")


def test_another_key_is_told_apart_from_damage() -> None:
    sealed = SecretBox(KEY, os.urandom).seal("secret", "AppKey of 1400000001")
    with pytest.raises(WrongMasterKeyError) as caught:
        SecretBox(OTHER, os.urandom).open(sealed, "AppKey of 1400000001")
    assert "HONGYAN_MASTER_KEY" in caught.value.en
    assert "HONGYAN_MASTER_KEY" in caught.value.zh


def test_rows_cannot_be_swapped() -> None:
    box = SecretBox(KEY, os.urandom)
    with pytest.raises(BrokenSealError):
        box.open(box.seal("secret", "key of A"), "key of B")


@pytest.mark.parametrize("position", range(5, 40))
def test_any_changed_byte_is_noticed(position: int) -> None:
    box = SecretBox(KEY, os.urandom)
    sealed = bytearray(box.seal("a secret text", "here"))
    sealed[position % len(sealed)] ^= 1
    with pytest.raises((BrokenSealError, WrongMasterKeyError)):
        box.open(bytes(sealed), "here")


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x02" * 40], ids=["empty", "short", "unknown version"])
def test_garbage_is_a_broken_seal(sealed: bytes) -> None:
    with pytest.raises(BrokenSealError):
        SecretBox(KEY, os.urandom).open(sealed, "here")


def test_the_key_file_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    data_dir = tmp_path / "new"
    first = master_key("", data_dir, os.urandom)
    assert len(first) == 32
    assert master_key("", data_dir, os.urandom) == first
    assert stat.S_IMODE((data_dir / "master.key").stat().st_mode) == 0o600
    assert [path.name for path in data_dir.iterdir()] == ["master.key"]


def test_processes_that_start_together_get_the_same_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: master_key("", tmp_path, os.urandom), range(16)))
    assert len(set(found)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["master.key"]


def test_a_key_given_is_used_and_no_file_is_made(tmp_path: Path) -> None:
    assert master_key(base64.b64encode(KEY).decode() + "\n", tmp_path, os.urandom) == KEY
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("given", ["not base64!", "c2hvcnQ=", "密钥"], ids=["not base64", "too short", "not ascii"])
def test_a_bad_key_says_how_to_make_one(given: str, tmp_path: Path) -> None:
    with pytest.raises(MasterKeyError) as caught:
        master_key(given, tmp_path, os.urandom)
    assert "openssl rand -base64 32" in caught.value.en


def test_a_damaged_key_file_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "master.key").write_text("damaged")
    with pytest.raises(MasterKeyError):
        master_key("", tmp_path, os.urandom)
    assert (tmp_path / "master.key").read_text() == "damaged"
