"""The OpenAPI document of all doors: served at /openapi.json, and a page of the reference."""

from importlib import metadata
from typing import Any

import msgspec

from hongyan.doors.huawei import manage_openapi as huawei_manage
from hongyan.doors.huawei import openapi as huawei
from hongyan.doors.ops import routes as ops
from hongyan.doors.tencent_v3 import openapi as tencent_v3
from hongyan.doors.tencent_v5 import openapi as tencent_v5
from hongyan.kit import openapi

DESCRIPTION = """\
What the doors of Hongyan understand and answer, made from the structs that read and write it.

Tencent Cloud API 3.0 has one path for all actions and tells them apart by the headers X-TC-Action and X-TC-Version; the fragment in a path
here stands for them and is not sent. A form or a query with the same fields ("PhoneNumberSet.0") and a v1 signature are understood as well.
Calls under /v5 are those of Tencent's v5 API (qcloudsms): each is signed by its field sig, with the key of the application that sdkappid
names; fields that a call does not know are left alone. Whatever is under /v5 and no call is answered by number too, at status 200.

The paths under /sms are those of Huawei Cloud's send API (MSGSMS), asked by an application's key and secret.
Calls under /v2 are those of Huawei's management API for messages; whatever is under /v2 and no call is answered in its words, too.

null counts as absent. No text may have U+0000 or half a surrogate pair. A request that is over the limit of a body is answered like any
other. What is not HTTP is answered with 400 in plain text, an unknown path with 404.
"""


def document() -> dict[str, Any]:
    """All of it."""
    return openapi.document(
        [*tencent_v3.operations(), *tencent_v5.operations(), *huawei.operations(), *huawei_manage.operations(), *ops.operations()],
        title="Hongyan",
        version=metadata.version("hongyan"),
        description=DESCRIPTION,
        security={**tencent_v3.SECURITY, **huawei.SECURITY, **huawei_manage.SECURITY},
    )


def served() -> bytes:
    """The document as it is sent."""
    return msgspec.json.encode(document())


def page() -> str:
    """The document as a page: laid out for reading and comparing."""
    return msgspec.json.format(served(), indent=2).decode() + "\n"
