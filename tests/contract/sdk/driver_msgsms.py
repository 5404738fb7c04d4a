"""The official SDK of Huawei's management API as a program: a JSON instruction a line on standard input, a JSON answer a line on output.

Instruction: {"endpoint", "region" when it is to be found by that, "ak", "sk", "project_id", "operation": a method of the client,
"args": of its request, "body", "file"}.
Answer: {"told": the JSON that came} or {"status", "code", "message", "request_id"} of the SDK's exception; "asked": the request as it went.
"""

import json
import os
import sys
from typing import Any

from huaweicloudsdkcore.auth.credentials import BasicCredentials  # type: ignore[import-not-found, unused-ignore] # in .venv-sdk only
from huaweicloudsdkcore.exceptions.exceptions import (  # type: ignore[import-not-found, unused-ignore] # as above
    ServiceResponseException,
)
from huaweicloudsdkcore.http.formdata import FormFile  # type: ignore[import-not-found, unused-ignore] # as above
from huaweicloudsdkcore.http.http_config import HttpConfig  # type: ignore[import-not-found, unused-ignore] # as above
from huaweicloudsdkcore.http.http_handler import HttpHandler  # type: ignore[import-not-found, unused-ignore] # as above
from huaweicloudsdkmsgsms import v2  # type: ignore[import-not-found, unused-ignore] # as above
from huaweicloudsdkmsgsms.v2 import MsgsmsClient  # type: ignore[import-not-found, unused-ignore] # as above
from huaweicloudsdkmsgsms.v2.region.msgsms_region import MsgsmsRegion  # type: ignore[import-not-found, unused-ignore] # as above


def request_of(order: dict[str, Any]) -> Any:
    name = "".join(part.capitalize() for part in order["operation"].split("_"))
    request = getattr(v2, f"{name}Request")(**order.get("args", {}))
    if "file" in order:
        request.body = v2.UploadSignatureFileRequestBody(file=FormFile(order["file"]))
    elif "body" in order:
        request.body = getattr(v2, request.openapi_types["body"])(**order["body"])
    return request


def perform(order: dict[str, Any]) -> dict[str, Any]:
    went: list[Any] = []
    handler = HttpHandler().add_response_handler(lambda response, **_more: went.append(response.request))
    builder = (
        MsgsmsClient.new_builder()
        .with_http_config(HttpConfig.get_default_config())
        .with_http_handler(handler)
        .with_credentials(BasicCredentials(order["ak"], order["sk"], order["project_id"]))
    )
    if "region" in order:
        # As a program is pointed elsewhere without a change of its code.
        os.environ["HUAWEICLOUD_SDK_REGION_MSGSMS_" + order["region"].upper().replace("-", "_")] = order["endpoint"]
        client = builder.with_region(MsgsmsRegion.value_of(order["region"])).build()
    else:
        client = builder.with_endpoint(order["endpoint"]).build()
    try:
        answered = getattr(client, order["operation"])(request_of(order))
    except ServiceResponseException as fault:
        told = {"status": fault.status_code, "code": fault.error_code, "message": fault.error_msg, "request_id": fault.request_id}
    else:
        told = {"told": answered.to_json_object()}
    return told | {"asked": [asked_of(request) for request in went]}


def asked_of(request: Any) -> dict[str, Any]:
    body = request.body.decode("latin-1") if isinstance(request.body, bytes) else request.body if isinstance(request.body, str) else None
    return {"method": request.method, "url": request.url, "headers": dict(request.headers), "body": body}


def main() -> None:
    for line in sys.stdin:
        if line.strip():
            sys.stdout.write(json.dumps(perform(json.loads(line))) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
