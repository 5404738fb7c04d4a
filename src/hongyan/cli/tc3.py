"""Signing a call as the official clients do: TC3-HMAC-SHA256 (Tencent Cloud document 382/38768)."""

import hashlib
import hmac
import time

CONTENT_TYPE = "application/json"
SIGNED = "content-type;host"


def headers(*, secret_id: str, secret_key: str, host: str, action: str, version: str, body: bytes, at: int) -> dict[str, str]:
    """The headers of a POST to `/` that calls an action of the service sms at Unix second `at`."""
    date = time.strftime("%Y-%m-%d", time.gmtime(at))
    request = "\n".join(("POST", "/", "", f"content-type:{CONTENT_TYPE}", f"host:{host}", "", SIGNED, hashlib.sha256(body).hexdigest()))
    scope = f"{date}/sms/tc3_request"
    text = "\n".join(("TC3-HMAC-SHA256", str(at), scope, hashlib.sha256(request.encode()).hexdigest()))
    key = f"TC3{secret_key}".encode()
    for part in (date, "sms", "tc3_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    mac = hmac.digest(key, text.encode(), "sha256").hex()
    return {
        "Content-Type": CONTENT_TYPE,
        "Host": host,
        "X-TC-Action": action,
        "X-TC-Version": version,
        "X-TC-Timestamp": str(at),
        "Authorization": f"TC3-HMAC-SHA256 Credential={secret_id}/{scope}, SignedHeaders={SIGNED}, Signature={mac}",
    }
