"""What the management API says of a body over the limit, by whichever process finds it so."""

import msgspec

from hongyan.doors.huawei import manage_errors as errors
from hongyan.doors.huawei.manage_errors import Failure
from hongyan.kit.door import Response

CONTENT_TYPE = b"application/json;charset=UTF-8"
FAILURE = Failure(errors.TOO_LARGE, "请求体过大。", "The body is too large.")


def too_large(request_id: str) -> Response:
    """The whole answer."""
    return Response(msgspec.json.encode(errors.body(FAILURE, request_id)), CONTENT_TYPE, FAILURE.fault.status)
