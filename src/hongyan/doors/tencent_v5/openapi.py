"""What the door publishes about itself: one operation for each call, from the structs that read and write it."""

from hongyan.doors.tencent_v5 import catalogue, schema
from hongyan.kit.openapi import Answer, Operation

ANSWERED = (
    "What was asked for, or the number of what went wrong; the status is 200 in any case, since official SDKs look at no other answer."
)
QUERY = {
    "sdkappid": {"type": "string", "pattern": "^[0-9]{1,19}$"},
    "random": {"type": "string", "pattern": "^[0-9]{1,64}$", "description": "A part of what sig signs."},
}
ASIDE = (schema.Answer, schema.Refused, schema.Gateway)
"""What any call may be answered with instead."""


def operations() -> list[Operation]:
    """All calls with a JSON body."""
    return [
        Operation(
            name="v5_" + path.rpartition("/")[2],
            path=path,
            method="post",
            summary=call.summary,
            query=QUERY,
            body=call.request,
            answers={200: Answer(ANSWERED, (*call.answers, *ASIDE))},
        )
        for path, call in catalogue.CALLS.items()
    ]
