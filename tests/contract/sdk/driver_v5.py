"""The official v5 SDK (qcloudsms_py) as a program: a JSON instruction a line on standard input, a JSON answer a line on standard output.

Instruction: {"base": "http://HOST:PORT", "appid", "appkey", "class": a sender or puller, "method", "args"}. Answer: what the SDK returns.

The SDK is as it was published, but for two things that its own parameters are for: the address, and the HTTP client's answer, since the
SDK's own way to read one has not worked from Python 3.9 on.
"""

import json
import sys
from typing import Any

import qcloudsms_py  # type: ignore[import-not-found, unused-ignore] # installed in .venv-sdk only
from qcloudsms_py import voice  # type: ignore[import-not-found, unused-ignore] # as above
from qcloudsms_py.httpclient import HTTPSimpleClient  # type: ignore[import-not-found, unused-ignore] # as above

VENDORS = "qq.com"


class Client(HTTPSimpleClient):  # type: ignore[misc, unused-ignore] # as above
    """The SDK's own client, whose answers can be read."""

    def fetch(self, req: Any) -> Any:
        response = super().fetch(req)
        response.json = lambda: json.loads(response.body)
        return response


def perform(order: dict[str, Any]) -> Any:
    made = getattr(qcloudsms_py, order["class"], None) or getattr(voice, order["class"])
    sender = made(order["appid"], order["appkey"], httpclient=Client())
    url = order["base"] + sender._url.partition(VENDORS)[2]
    return getattr(sender, order["method"])(*order["args"], **order.get("kwargs", {}), url=url)


def main() -> None:
    for line in sys.stdin:
        if line.strip():
            sys.stdout.write(json.dumps(perform(json.loads(line))) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
