"""What the door publishes about itself: one operation for each action, from the structs that read and write it."""

from collections.abc import Mapping
from typing import Any

from hongyan.doors.tencent_v3 import auth, errors, schema
from hongyan.doors.tencent_v3.routes import VERSION
from hongyan.kit.openapi import Answer, Operation

SCHEME = "tc3"
SECURITY: Mapping[str, Mapping[str, Any]] = {
    SCHEME: {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": f"{auth.TC3.decode()} over content-type, host and the body (Tencent document 382/38768), with the Unix time in "
        f"X-TC-Timestamp, at most {auth.CLOCK_TOLERANCE_S} s from the server's clock.",
    }
}
ANSWERED = "What was asked for, or Response.Error; the status is 200 in any case, since official SDKs lose the code of any other answer."


def operations() -> list[Operation]:
    """All actions. They share one path and differ in X-TC-Action, which fragments stand for."""
    return [
        Operation(
            name=name,
            path=f"/#{name}",
            method="post",
            summary=action.summary,
            headers={"X-TC-Action": {"type": "string", "const": name}, "X-TC-Version": {"type": "string", "const": VERSION}},
            optional_headers={"X-TC-Language": {"type": "string", "enum": ["zh-CN", errors.ENGLISH]}},
            body=action.request,
            answers={200: Answer(ANSWERED, (action.answer, schema.ErrorAnswer), within="Response")},
            security=SCHEME,
        )
        for name, action in schema.ACTIONS.items()
    ]
