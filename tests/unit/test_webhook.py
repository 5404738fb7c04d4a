"""Requests that somebody else signs: believed when they are whole, fresh and by a secret of ours."""

import os
from base64 import b64encode

import pytest

from hongyan.kit.webhook import headers, new_secret, verified

NOW = 1_800_000_000.0
OURS, OLD, OTHER = (new_secret(os.urandom) for _ in range(3))
BODY = '{"type": "payment.succeeded", "备注": "一"}'
GIVEN = headers([OURS], "evt_1", NOW, BODY)


def test_what_was_signed_is_believed_and_tells_its_id() -> None:
    assert verified([OURS], GIVEN, BODY.encode(), NOW) == "evt_1"
    assert verified([OTHER, OURS], GIVEN, BODY.encode(), NOW + 299) == "evt_1"
    both = GIVEN | {"webhook-signature": headers([OLD], "evt_1", NOW, BODY)["webhook-signature"] + " " + GIVEN["webhook-signature"]}
    assert verified([OURS], both, BODY.encode(), NOW) == "evt_1"


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "evt_2"},
        {"webhook-id": ""},
        {"webhook-id": "evt 1"},
        {"webhook-timestamp": str(int(NOW) + 1)},
        {"webhook-timestamp": "now"},
        {"webhook-timestamp": "-1"},
        {"webhook-timestamp": "9" * 40},
        {"webhook-timestamp": "١٨٠٠٠٠٠٠٠٠"},
        {"webhook-signature": ""},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v1," + b64encode(bytes(32)).decode()},
        {"webhook-signature": GIVEN["webhook-signature"].replace("v1,", "v2,")},
        {"webhook-signature": "v1,é"},
    ],
)
def test_what_was_changed_is_not_believed(change: dict[str, str]) -> None:
    assert verified([OURS], GIVEN | change, BODY.encode(), NOW) is None


def test_what_is_old_early_altered_or_by_somebody_else_is_not_believed() -> None:
    assert verified([OURS], GIVEN, BODY.encode(), NOW + 301) is None
    assert verified([OURS], GIVEN, BODY.encode(), NOW - 301) is None
    assert verified([OURS], GIVEN, BODY.replace("一", "二").encode(), NOW) is None
    assert verified([OURS], GIVEN, b"\xff", NOW) is None
    assert verified([OTHER], GIVEN, BODY.encode(), NOW) is None
    assert verified([], GIVEN, BODY.encode(), NOW) is None
    assert verified([OURS], {}, BODY.encode(), NOW) is None
