from pathlib import Path

import pytest

from hongyan import settings
from hongyan.settings import Settings, SettingsError


def test_without_anything_said_everything_has_a_value(tmp_path: Path) -> None:
    found = settings.load({}, tmp_path)
    assert found.http_address == ("127.0.0.1", 8080)
    assert found.simulator == "embedded"
    assert found.database_url is None
    assert found.run_dir == found.data_dir / "run"


def test_a_command_wins_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "hongyan.toml").write_text('http = "127.0.0.1:1"\nlog_level = "error"\nlang = "en"\n')
    found = settings.load({"HONGYAN_HTTP": "127.0.0.1:2", "HONGYAN_LANG": "zh"}, tmp_path, http="127.0.0.1:3", data_dir=None)
    assert (found.http, found.lang, found.log_level) == ("127.0.0.1:3", "zh", "error")


def test_a_named_file_is_read_and_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text("processes = 3\n")
    assert settings.load({"HONGYAN_CONFIG": str(tmp_path / "other.toml")}).processes == 3
    with pytest.raises(SettingsError, match="not there"):
        settings.load({"HONGYAN_CONFIG": str(tmp_path / "missing.toml")})


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"HONGYAN_DATABSE_URL": "x"}, "HONGYAN_DATABSE_URL; did you mean HONGYAN_DATABASE_URL?"),
        ({"HONGYAN_QWERTYUIOP": "x"}, "There is no setting HONGYAN_QWERTYUIOP$"),
        ({"HONGYAN_HTTP": "localhost"}, "HONGYAN_HTTP: 'localhost' is not HOST:PORT"),
        ({"HONGYAN_HTTP": "localhost:99999"}, "HOST:PORT"),
        ({"HONGYAN_SIMULATOR": "on"}, "HOST:PORT"),
        ({"HONGYAN_PROCESSES": "-1"}, "HONGYAN_PROCESSES"),
        ({"HONGYAN_DATABASE_URL": "sqlite:///x"}, "postgresql://"),
        ({"HONGYAN_DATABASE_URL": "postgresql://u:p@h:5432x/db"}, "one or more HOST:PORT"),
        ({"HONGYAN_DATABASE_URL": "postgresql://u:p@h1,,h2/db"}, "one or more HOST:PORT"),
        ({"HONGYAN_DATABASE_URL": "postgresql://u:p@ss@h/db"}, "%40"),
        ({"HONGYAN_DATABASE_URL": "postgresql://u:p@[::1/db"}, "cannot be read"),
        ({"HONGYAN_DATABASE_URL": "postgresql://u:p@h/db?target_session_attrs=any"}, "primary or read-write"),
        ({"HONGYAN_CALLBACK_ALLOW": "10.0.0.0/99"}, "HONGYAN_CALLBACK_ALLOW"),
        ({"HONGYAN_DOCUMENTS": "s3://"}, "the bucket's name"),
        ({"HONGYAN_DOCUMENTS": "http://bucket/x"}, "a directory or s3://bucket/prefix"),
    ],
)
def test_what_is_wrong_stops_the_start_and_is_named(environ: dict[str, str], words: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=words.replace("?", r"\?")):
        settings.load(environ, tmp_path)


def test_an_unknown_name_in_the_file_is_named_too(tmp_path: Path) -> None:
    (tmp_path / "hongyan.toml").write_text("proceses = 3\n")
    with pytest.raises(SettingsError, match=r"proceses in .*did you mean processes\?"):
        settings.load({}, tmp_path)


def test_no_message_repeats_a_secret(tmp_path: Path) -> None:
    for wrong in ("mysql://root:hunter2@db", "postgresql://root:hunter2@hunter2@db", "postgresql://root@db:hunter2/x"):
        with pytest.raises(SettingsError) as caught:
            settings.load({"HONGYAN_DATABASE_URL": wrong}, tmp_path)
        assert "hunter2" not in str(caught.value)
    secret = settings.load({"HONGYAN_DATABASE_URL": "postgresql://u:hunter2@db/x", "HONGYAN_MASTER_KEY": "hunter2"}, tmp_path)
    assert "hunter2" not in repr(secret)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p@h1:5432,h2:5433/db?target_session_attrs=primary",
        "postgresql://u:p%40ss@[::1]:5432/db",
        "postgres://h/db?target_session_attrs=read-write&sslmode=require",
        "postgresql:///db?host=/var/run/postgresql",
        "postgresql://u@%2Fvar%2Frun/db",
    ],
)
def test_a_database_is_one_server_or_several(url: str, tmp_path: Path) -> None:
    assert settings.load({"HONGYAN_DATABASE_URL": url}, tmp_path).database_url == url


def test_networks_are_read_from_a_list_with_commas(tmp_path: Path) -> None:
    found = settings.load({"HONGYAN_CALLBACK_ALLOW": "10.0.0.0/8, fd00::/8"}, tmp_path)
    assert [str(network) for network in found.callback_allow] == ["10.0.0.0/8", "fd00::/8"]


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("127.0.0.1:80", ("127.0.0.1", 80)),
        ("[::1]:0", ("::1", 0)),
        (":8080", ("0.0.0.0", 8080)),  # noqa: S104 - what ":8080" says
        ("sms.example.com:443", ("sms.example.com", 443)),
    ],
)
def test_addresses_are_host_and_port(text: str, pair: tuple[str, int]) -> None:
    assert settings.address(text) == pair


def test_every_setting_is_described_and_stands_in_the_reference() -> None:
    page = settings.reference()
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert f"`HONGYAN_{name.upper()}`" in page
        assert field.description in page
