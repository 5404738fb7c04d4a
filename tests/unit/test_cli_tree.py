import io
import json

import msgspec
import pytest

from hongyan.cli import options, tc3
from hongyan.cli.app import COMMANDS, GROUPS, run, tree
from hongyan.cli.faults import told
from hongyan.cli.messages import message_id
from hongyan.cli.output import CommandError, Terminal, language, plain
from hongyan.cli.review import StatusName
from hongyan.cli.zh import ZH
from hongyan.control.errors import ControlError, Fault
from hongyan.control.timeline import Step
from hongyan.doors.huawei.ids import sms_msg_id
from hongyan.model.limits import Limits
from hongyan.model.message import Kind, Status
from hongyan.model.papers import ReviewStatus
from hongyan.model.snapshot import AccountKind, Scope
from hongyan.settings import SettingsError

PATHS = [(name,) for name in COMMANDS] + [(group, name) for group, found in GROUPS.items() for name in found.places]


class Sample(msgspec.Struct, frozen=True):
    id: int
    phone: int
    scope: Scope
    limits: Limits
    created_at: float
    note: str = ""
    gift: bool = False


SAMPLE = Sample(id=7, phone=8613800000000, scope=Scope.INTERNATIONAL, limits=Limits(), created_at=0.0, gift=True)


def printed(terminal: Terminal) -> str:
    assert isinstance(terminal.out, io.StringIO)
    return terminal.out.getvalue()


def terminal(*, lang: str = "en", as_json: bool = False) -> Terminal:
    return Terminal(lang=lang, json=as_json, out=io.StringIO(), err=io.StringIO())


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_every_command_can_be_made_takes_json_and_speaks_both_languages(path: tuple[str, ...]) -> None:
    command = tree(terminal())
    for name in path:
        command = command.commands[name]  # type: ignore[assignment]
    assert "--json" in [option for param in command.params for option in param.opts]
    texts = [command.help, *(getattr(param, "help", None) for param in command.params)]
    assert [text for text in texts if text and " ".join(text.split()) not in ZH] == []


def test_every_group_speaks_both_languages() -> None:
    assert [group.help for group in GROUPS.values() if group.help not in ZH] == []


@pytest.mark.parametrize(
    ("names", "values"),
    [
        (options.ScopeName, Scope), (options.KindName, Kind), (options.AccountKindName, AccountKind), (StatusName, ReviewStatus),
    ],
    ids=["scope", "kind", "account kind", "status"],
)  # fmt: skip
def test_words_on_the_command_line_are_those_of_the_model(names: type, values: type) -> None:
    assert [name.name for name in names] == [value.name for value in values]  # type: ignore[attr-defined]
    assert [name.value for name in names if name.value not in ZH] == []  # type: ignore[attr-defined]


def test_every_status_and_step_has_a_chinese_word() -> None:
    words = [status.name.lower() for status in Status] + [step.value for step in Step]
    assert [word for word in words if word not in ZH] == []


@pytest.mark.parametrize(
    ("environ", "spoken"),
    [
        ({}, "zh"),
        ({"LANG": "C.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "en_US.UTF-8"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "HONGYAN_LANG": "en"}, "en"),
    ],
)
def test_the_language_is_what_was_chosen_or_what_the_terminal_speaks(environ: dict[str, str], spoken: str) -> None:
    assert language(environ) == spoken


def test_json_has_words_for_enumerations_and_a_plus_for_numbers() -> None:
    assert plain(SAMPLE) == {
        "id": 7,
        "phone": "+8613800000000",
        "scope": "international",
        "limits": {"same_content_30s": 1, "any_30s": 0, "hour": 0, "day": 10, "same_content_day": 0},
        "created_at": 0.0,
        "note": "",
        "gift": True,
    }


def test_a_message_id_keeps_all_its_bits_in_any_reader_of_json() -> None:
    assert plain({"message_id": (1 << 62) + 1}) == {"message_id": "4611686018427387905"}


def test_programs_get_one_json_value_and_no_sentences() -> None:
    out = terminal(as_json=True)
    out.say("The platform is up at {address}.", address="x")
    out.table([SAMPLE], ("id",))
    assert json.loads(printed(out)) == [plain(SAMPLE)]


def test_people_get_the_columns_in_their_language() -> None:
    out = terminal(lang="zh")
    out.table([SAMPLE], ("id", "phone", "scope", "gift", "note"))
    text = printed(out)
    for word in ("编号", "+8613800000000", "国际/港澳台", "是"):
        assert word in text
    assert "2026" not in text


@pytest.mark.parametrize("name", ["at", "created_at", "failing_since", "closed_until"])
def test_moments_are_written_as_people_read_them_and_other_numbers_are_not(name: str) -> None:
    shown = terminal()
    shown.table([{name: 1_795_352_829.8, "rate": 12.5}], (name, "rate"))
    assert "2026-11-2" in printed(shown)
    assert "12.5" in printed(shown)


def test_an_empty_table_says_so() -> None:
    out = terminal()
    out.table([], ("id",))
    assert "Nothing there yet." in printed(out)


def test_texts_cannot_steer_the_terminal_or_the_markup() -> None:
    out = terminal()
    out.show({"name": "a\x1b[2Jb [red]c[/red] [/]", "sign_name": "\u202eevil"})
    text = printed(out)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "[red]c[/red]" in text


@pytest.mark.parametrize(
    "argv", [["nothing"], ["app", "lst"], ["app", "show"], ["app", "show", "abc"], ["app", "show", "9" * 30], ["package", "list", "--what"]]
)
def test_a_line_that_makes_no_sense_is_2_and_json_on_request(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*argv, "--json"], {}) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert json.loads(captured.err)["error"] == "usage"


def test_help_is_0_and_chinese_where_chinese_is_spoken(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["link", "--help"], {"LANG": "zh_CN.UTF-8"}) == 0
    assert "列出通道" in capsys.readouterr().out


def test_faults_below_a_command_have_a_code_and_words_and_ours_have_none() -> None:
    assert told(ControlError(Fault.TAKEN, "已有", "taken")) == ("taken", "已有", "taken")
    found = told(SettingsError("There is no setting HONGYAN_X"))
    assert found is not None
    assert found[0] == "settings"
    assert "HONGYAN_X" in found[2]
    refused = told(ConnectionRefusedError("refused"))
    assert refused is not None
    assert refused[0] == "database"
    assert told(KeyError("ours")) is None


def test_calls_are_signed_as_the_official_sdk_signs_them() -> None:
    body = (
        b'{"PhoneNumberSet": ["+8618501234444"], "SmsSdkAppId": "1400006666", "TemplateId": "1110", '
        b'"SignName": "\\u817e\\u8baf\\u4e91", "TemplateParamSet": ["4370"]}'
    )
    headers = tc3.headers(
        secret_id="AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE",
        secret_key="Gu5t9xGARNpq86cd98joQYCN3EXAMPLE",
        host="sms.tencentcloudapi.com",
        action="SendSms",
        version="2021-01-11",
        body=body,
        at=1620734188,
    )
    assert headers["Authorization"].endswith("Signature=2f91efb24043b7421cd8ba1012092107a29810eb7b1c99748179dc5722f4ce0a")
    assert "/2021-05-11/sms/tc3_request" in headers["Authorization"]


def test_a_platform_that_is_not_there_is_named_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    line = ["send", "--to", "+8613800000000", "--app", "1", "--secret-id", "a", "--secret-key", "b", "--template", "1", "--param", "x"]
    assert run([*line, "--endpoint", "http://127.0.0.1:1", "--json"], {"HONGYAN_LANG": "en"}) == 1
    fault = json.loads(capsys.readouterr().err)
    assert fault["error"] == "unreachable"
    assert "hongyan serve" in fault["message"]


@pytest.mark.parametrize("written", ["250085988628430848", "2021:250085988628430848", sms_msg_id(250085988628430848)])
def test_a_message_is_named_by_whatever_an_api_answered(written: str) -> None:
    assert message_id(written) == 250085988628430848


@pytest.mark.parametrize("written", ["", "2021:", "x", "9" * 30, sms_msg_id(7).upper()])
def test_what_names_no_message_is_refused(written: str) -> None:
    with pytest.raises(CommandError):
        message_id(written)
