"""Huawei's official SDKs as a program: a JSON instruction a line on standard input, a JSON answer a line on standard output.

Instruction: {"base": "http://HOST:PORT", "key", "secret", "call": "batch_send_sms" or "batch_send_diff_sms", "body": fields as the SDK
names them}. Answer: {"ok": the answer as the SDK reads it} or {"status", "code", "message", "request_id"} of the exception that it raises.
"""

import json
import sys
from typing import Any

from huaweicloudsdkcore.exceptions.exceptions import (  # type: ignore[import-not-found, unused-ignore] # installed in .venv-sdk only
    ServiceResponseException,
)
from huaweicloudsdksmsapi.v1 import (  # type: ignore[import-not-found, unused-ignore] # as above
    BatchSendDiffSmsRequest,
    BatchSendDiffSmsRequestBody,
    BatchSendSmsRequest,
    BatchSendSmsRequestBody,
    SMSApiClient,
    SmsContent,
)
from huaweicloudsdksmsapi.v1.smsapi_credentials import SMSApiCredentials  # type: ignore[import-not-found, unused-ignore] # as above


def request_of(call: str, body: dict[str, Any]) -> Any:
    if call == "batch_send_sms":
        return BatchSendSmsRequest(body=BatchSendSmsRequestBody(**body))
    contents = [SmsContent(**content) for content in body.pop("sms_content")]
    return BatchSendDiffSmsRequest(body=BatchSendDiffSmsRequestBody(sms_content=contents, **body))


def perform(order: dict[str, Any]) -> Any:
    credentials = SMSApiCredentials(order["key"], order["secret"])
    client = SMSApiClient.new_builder().with_credentials(credentials).with_endpoint(order["base"]).build()
    try:
        answer = getattr(client, order["call"])(request_of(order["call"], order["body"]))
    except ServiceResponseException as fault:
        return {"status": fault.status_code, "code": fault.error_code, "message": fault.error_msg, "request_id": fault.request_id}
    return {"ok": answer.to_dict()}


def main() -> None:
    for line in sys.stdin:
        if line.strip():
            sys.stdout.write(json.dumps(perform(json.loads(line))) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
