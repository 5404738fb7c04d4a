"""The official Tencent Cloud SDK as a program: one JSON instruction a line on standard input, one JSON result a line on standard output.

Instruction: {"endpoint", "secret_id", "secret_key", "action", "params"} and where wanted "method" (POST or GET), "sign_method"
(TC3-HMAC-SHA256, HmacSHA1 or HmacSHA256), "region", "token", "language", "unsigned_payload", "version".
Result: {"ok": the response} or {"error": the code, "message": the text}.

Runs in .venv-sdk (`make .venv-sdk/.installed`), so that the SDK's dependencies never meet ours.
"""

import importlib
import json
import sys
from typing import Any

from tencentcloud.common import credential  # type: ignore[import-not-found, unused-ignore] # installed in .venv-sdk only
from tencentcloud.common.common_client import CommonClient  # type: ignore[import-not-found, unused-ignore] # as above
from tencentcloud.common.exception.tencent_cloud_sdk_exception import (  # type: ignore[import-not-found, unused-ignore] # as above
    TencentCloudSDKException,
)
from tencentcloud.common.profile.client_profile import ClientProfile  # type: ignore[import-not-found, unused-ignore] # as above
from tencentcloud.common.profile.http_profile import HttpProfile  # type: ignore[import-not-found, unused-ignore] # as above

VERSIONS = {"v20210111": "2021-01-11", "v20190711": "2019-07-11"}


def perform(order: dict[str, Any]) -> dict[str, Any]:
    version = order.get("version", "v20210111")
    client_module = importlib.import_module(f"tencentcloud.sms.{version}.sms_client")
    models = importlib.import_module(f"tencentcloud.sms.{version}.models")
    http = HttpProfile(protocol="http", endpoint=order["endpoint"], reqMethod=order.get("method", "POST"), reqTimeout=30)
    profile = ClientProfile(
        signMethod=order.get("sign_method", "TC3-HMAC-SHA256"), httpProfile=http, language=order.get("language", "zh-CN")
    )
    profile.unsignedPayload = order.get("unsigned_payload", False)
    keys = credential.Credential(order["secret_id"], order["secret_key"], order.get("token"))
    region, action = order.get("region", "ap-guangzhou"), order["action"]
    try:
        if not hasattr(models, action + "Request"):
            # An action that this release of the SDK does not know: its own way to call such.
            answer = CommonClient("sms", VERSIONS[version], keys, region, profile).call_json(action, order["params"])
            return {"ok": answer["Response"]}
        client = client_module.SmsClient(keys, region, profile)
        request = getattr(models, action + "Request")()
        request.from_json_string(json.dumps(order["params"]))
        response = getattr(client, action)(request)
    except TencentCloudSDKException as refusal:
        return {"error": refusal.get_code(), "message": refusal.get_message()}
    return {"ok": json.loads(response.to_json_string())}


def main() -> None:
    for line in sys.stdin:
        if line.strip():
            sys.stdout.write(json.dumps(perform(json.loads(line))) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
