"""The native API's tables are total, and its small pure parts do what they promise."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from starlette.requests import Request

from hongyan.control.errors import Fault
from hongyan.doors.rest.accounts import UserChange, UserPaths
from hongyan.doors.rest.auth import by_key, pair
from hongyan.doors.rest.messages import Recipient, Send, commands, grouped
from hongyan.doors.rest.paging import after, cursor_of
from hongyan.doors.rest.problems import STATUSES, Refused, from_store
from hongyan.doors.rest.words import WORDS, refused
from hongyan.kit.blobs import BlobError
from hongyan.model.actor import command as whoever_commands
from hongyan.model.reject import Refusal, Reject
from hongyan.model.replay import part
from hongyan.model.snapshot import EMPTY, Account, AccountKind, ApiKey

KEY = ApiKey(secret_id="AKID1", secret_key="sécret:with colon", account_id=1, enabled=True)
SNAPSHOT = replace(EMPTY, accounts={1: Account(id=1, name="a", kind=AccountKind.ENTERPRISE, enabled=True)}, keys={KEY.secret_id: KEY})


def basic(secret_id: str, secret_key: str) -> str:
    return "Basic " + base64.b64encode(f"{secret_id}:{secret_key}".encode()).decode()


def test_every_refusal_has_a_status_and_words_in_both_languages() -> None:
    assert STATUSES.keys() == set(Fault)
    assert WORDS.keys() == set(Reject)
    assert all(zh != en and zh and en for zh, en in WORDS.values())


@pytest.mark.parametrize(("accept", "words"), [("en", "try again later"), ("zh-CN", "请稍后再试")])
async def test_a_store_of_documents_that_is_away_is_no_error_of_the_program(accept: str, words: str) -> None:
    request = Request({"type": "http", "headers": [(b"accept-language", accept.encode())], "state": {"request_id": "r1"}})
    answer = await from_store(request, BlobError("桶 secret 不可用", "the bucket secret is away"))
    told = json.loads(bytes(answer.body))
    assert (answer.status_code, told["code"], told["request_id"]) == (503, "documents_away", "r1")
    assert words in told["detail"]
    # Where the operator keeps files is nobody's business.
    assert "secret" not in told["detail"]


def test_an_application_of_others_is_refused_as_one_that_does_not_exist() -> None:
    theirs, none = refused(Refusal(Reject.APP_NOT_YOURS, "belongs to 7")), refused(Refusal(Reject.APP_NOT_FOUND))
    assert (theirs.status, theirs.code, theirs.zh, theirs.en) == (none.status, none.code, none.zh, none.en)


@pytest.mark.parametrize("header", [basic(KEY.secret_id, KEY.secret_key), f"Bearer {KEY.secret_id}:{KEY.secret_key}"])
def test_a_key_is_known_in_both_schemes(header: str) -> None:
    actor = by_key(SNAPSHOT, header, "192.0.2.1")
    assert (actor.id, actor.account_id, actor.permissions, actor.address) == ("AKID1", 1, KEY.permissions, "192.0.2.1")


@pytest.mark.parametrize(
    "header",
    ["", "Basic", "Basic !!!", "Basic " + base64.b64encode(b"\xff\xfe").decode(), "Bearer AKID1", "Digest AKID1:x",
     basic("AKID1", "wrong"), basic("AKID1", ""), basic("nobody", KEY.secret_key), basic("", ""), basic("nobody", "\x00")],
)  # fmt: skip
def test_whoever_is_not_known_is_told_the_same(header: str) -> None:
    with pytest.raises(Refused) as told:
        by_key(SNAPSHOT, header, "")
    assert (told.value.status, told.value.code) == (401, "not_authenticated")


def test_a_disabled_key_or_account_is_not_known() -> None:
    off = replace(SNAPSHOT, keys={KEY.secret_id: replace(KEY, enabled=False)})
    closed = replace(SNAPSHOT, accounts={1: replace(SNAPSHOT.accounts[1], enabled=False)})
    for snapshot in (off, closed):
        with pytest.raises(Refused):
            by_key(snapshot, basic(KEY.secret_id, KEY.secret_key), "")


@given(st.text(max_size=60))
def test_any_authorization_is_read_or_not_and_never_an_error(header: str) -> None:
    assert pair(header) is None or len(pair(header) or ()) == 2


@given(st.integers(0, 2**63 - 1))
def test_a_cursor_comes_back_as_its_number(number: int) -> None:
    assert after(cursor_of(number)) == number


@pytest.mark.parametrize("text", ["", "x", "AAAA", "null", cursor_of(1)[:-3], base64.urlsafe_b64encode(b'"1"').decode(), "\u4e2d"])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(Refused) as told:
        after(text)
    assert told.value.code == "bad_cursor"


to = st.lists(
    st.builds(
        Recipient,
        phone=st.integers(13_800_000_000, 13_800_000_020).map(str),
        params=st.none() | st.lists(st.sampled_from(["a", "b"]), max_size=2),
        context=st.none() | st.sampled_from(["", "x"]),
    ),
    min_size=1,
    max_size=30,
)


@given(to)
def test_every_number_is_in_one_command_at_its_place_with_its_own_values(recipients: list[Recipient]) -> None:
    wanted = Send(app_id=1, template_id=2, to=recipients, params=["all"], context="all")
    seen: dict[int, tuple[str, tuple[str, ...], str]] = {}
    for nth, (places, command) in enumerate(grouped(wanted, "id")):
        assert command.request_id == part("id", nth)
        for place, number in zip(places, command.phones, strict=True):
            assert place not in seen
            seen[place] = (number, command.params, command.session_context)
    for place, recipient in enumerate(recipients):
        params = ("all",) if recipient.params is None else tuple(recipient.params)
        assert seen[place] == (recipient.phone, params, "all" if recipient.context is None else recipient.context)
    assert len({(command.params, command.session_context) for command in commands(wanted, "id")}) == len(commands(wanted, "id"))


class Unasked:
    """A service that nobody may ask."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(name)


async def test_a_change_of_a_user_that_names_nothing_changes_nothing() -> None:
    with pytest.raises(Refused) as told:
        await UserPaths(Unasked()).change(whoever_commands("root"), 1, UserChange())  # type: ignore[arg-type]
    assert told.value.code == "nothing_to_change"
