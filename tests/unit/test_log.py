import io
import json
import logging

import pytest
import structlog

from hongyan.kit import log


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("13800138000", "138****8000"),
        ("to 8613800138000 now", "to 86138****8000 now"),
        ("+8613800138000", "+86138****8000"),
        ("008613800138000", "0086138****8000"),
        ("+447700900123", "+4477****0123"),
        ("a13800138000,13900139000b", "a138****8000,139****9000b"),
        (13800138000, "138****8000"),
        (8613800138000, "86138****8000"),
        # Ids, times and application ids are no numbers of people.
        (7345678901234567890, 7345678901234567890),
        ("7345678901234567890", "7345678901234567890"),
        (1400000001, 1400000001),
        (1763776000, 1763776000),
        (1763776000.25, 1763776000.25),
        (True, True),
        (None, None),
        (["13800138000", {"deep": ("13800138000",)}], ["138****8000", {"deep": ["138****8000"]}]),
        (b"13800138000", "b'138****8000'"),
        ({"phone": 447700900123, "phones": [447700900123]}, {"phone": "4477****0123", "phones": ["4477****0123"]}),
    ],
)
def test_numbers_are_masked_wherever_they_stand(written: object, shown: object) -> None:
    assert log.scrub(written) == shown


@pytest.mark.parametrize(
    "name", ["secret", "secret_key", "password", "access_token", "Authorization", "text", "template_params", "api-key", "cookie"]
)
def test_secrets_and_texts_are_left_out_by_name(name: str) -> None:
    assert log.scrub({name: "hunter2"}) == {name: log.GONE}


def test_what_is_nested_too_deeply_is_left_out() -> None:
    value: object = "13800138000"
    for _ in range(20):
        value = [value]
    assert log.GONE in str(log.scrub(value))


def test_lines_of_this_program_and_of_libraries_are_json_and_scrubbed() -> None:
    before = (logging.getLogger().handlers[:], logging.getLogger().level)
    out = io.StringIO()
    try:
        log.configure(level="info", style="json", process="engine", stream=out)
        structlog.get_logger().info("sent", to="+8613800138000")
        structlog.get_logger().debug("not written")
        logging.getLogger("some.library").warning("gave up on %s", "13800138000")
        structlog.get_logger().error("failed", exc_info=ValueError("13800138000"))
    finally:
        structlog.reset_defaults()
        logging.getLogger().handlers[:], logging.getLogger().level = before
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["sent", "gave up on 138****8000", "failed"]
    assert {line["process"] for line in lines} == {"engine"}
    assert "13800138000" not in out.getvalue()
