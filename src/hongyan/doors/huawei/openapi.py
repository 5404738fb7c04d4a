"""What the door publishes about itself: one operation for each call, from the structs that read and write it."""

from collections.abc import Mapping
from typing import Any

from hongyan.doors.huawei import schema, signing
from hongyan.doors.huawei.schema import BatchDiffSms, BatchSms, SendRefused, Sent
from hongyan.kit.openapi import Answer, Operation

SCHEME = "huawei"
SECURITY: Mapping[str, Mapping[str, Any]] = {
    SCHEME: {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": f"{signing.ALGORITHM} over the headers that it names, or WSSE with X-WSSE; by an application's key and secret.",
    }
}
ANSWERS = {
    200: Answer("At least one number was taken.", (Sent,)),
    400: Answer("No number was taken, or the request is malformed.", (Sent, SendRefused)),
    401: Answer("Nobody who may send asks.", (SendRefused,)),
    403: Answer("It comes from elsewhere than the application may be used from.", (SendRefused,)),
}


def operations() -> list[Operation]:
    """Both calls."""
    calls = (
        ("huawei_batchSendSms", schema.SEND, "One text to up to 500 numbers", BatchSms, schema.FORM),
        ("huawei_batchSendDiffSms", schema.SEND_DIFF, "Many texts, each to numbers of its own", BatchDiffSms, schema.JSON),
    )
    return [
        Operation(
            name=name, path=path, method="post", summary=summary, body=body, content_type=content_type, answers=ANSWERS, security=SCHEME
        )
        for name, path, summary, body, content_type in calls
    ]
