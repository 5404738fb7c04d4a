"""Runs inside the official SDK's own environment: sends what standard input asks for, nothing of Hongyan is imported.

In: {"endpoint": "127.0.0.1:8080", "secret_id", "secret_key", "calls": [{"action": "SendSms", "params": {...}}]}; a text that is to go to a
number at home through the older SDK is the call {"v5": {"app_id", "app_key", "mobile", "text", "ext"}}.
Out: one JSON array with the responses, an error as {"Error": {"Code", "Message"}}.
"""

import json
import sys
from typing import Any

from qcloudsms_py import SmsSingleSender
from qcloudsms_py.httpclient import HTTPSimpleClient
from tencentcloud.common import credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.sms.v20210111 import models, sms_client


class Client:
    """The v5 SDK's own client; its way to read an answer has not worked from Python 3.9 on."""

    def fetch(self, request: Any) -> Any:
        response = HTTPSimpleClient().fetch(request)
        response.json = lambda: json.loads(response.body)
        return response


def by_content(endpoint: str, call: dict[str, Any]) -> Any:
    sender = SmsSingleSender(call["app_id"], call["app_key"], httpclient=Client())
    return sender.send(0, 86, call["mobile"], call["text"], ext=call["ext"], url=f"http://{endpoint}/v5/tlssmssvr/sendsms")


def main() -> None:
    asked = json.load(sys.stdin)
    profile = ClientProfile(httpProfile=HttpProfile(protocol="http", endpoint=asked["endpoint"]))
    keys = credential.Credential(asked["secret_id"], asked["secret_key"])
    client = sms_client.SmsClient(keys, "ap-guangzhou", profile)
    answers = []
    for call in asked["calls"]:
        if "v5" in call:
            answers.append(by_content(asked["endpoint"], call["v5"]))
            continue
        request = getattr(models, f"{call['action']}Request")()
        request.from_json_string(json.dumps(call["params"]))
        try:
            answers.append(json.loads(getattr(client, call["action"])(request).to_json_string()))
        except TencentCloudSDKException as fault:
            answers.append({"Error": {"Code": fault.get_code(), "Message": fault.get_message()}})
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
