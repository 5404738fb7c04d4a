"""What the door publishes about itself: one operation for each action, from the structs that read and write it."""

from collections.abc import Mapping
from typing import Any

from hongyan.doors.tencent_v3 import auth, errors, schema
from hongyan.doors.tencent_v3.catalogue import ACTIONS, CURRENT
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
    """All actions of both versions. They share one path and differ in X-TC-Action and X-TC-Version, which fragments stand for."""
    return [
        Operation(
            name=name if version == CURRENT else f"{name}_{version}",
            path=f"/#{name}" if version == CURRENT else f"/#{name}@{version}",
            method="post",
            summary=action.summary,
            headers={"X-TC-Action": {"type": "string", "const": name}, "X-TC-Version": {"type": "string", "const": version}},
            optional_headers={"X-TC-Language": {"type": "string", "enum": ["zh-CN", errors.ENGLISH]}},
            body=action.request,
            answers={200: Answer(ANSWERED, (action.answer, schema.ErrorAnswer), within="Response")},
            security=SCHEME,
        )
        for version, actions in ACTIONS.items()
        for name, action in actions.items()
    ]
