"""Who asks the management API: the account's key (AK: SecretId, SK: SecretKey), proved by SDK-HMAC-SHA256."""

from hongyan.doors.huawei import manage_errors as errors
from hongyan.doors.huawei.manage_errors import Failure
from hongyan.doors.huawei.signing import SKEW_S, Signed, date_of, read, verify
from hongyan.model.actor import Actor, ActorKind
from hongyan.model.snapshot import Snapshot

TOKEN = b"x-auth-token"
NOBODY = "nobody has this secret"


def actor_of(snapshot: Snapshot, request: Signed, address: str, now: float) -> Actor | Failure:
    """The actor behind the key. An unknown key, one that is off and a wrong secret are told apart by nothing."""
    authorization = request.headers.get(b"authorization", b"").decode("latin-1")
    claim = read(authorization)
    if claim is None:
        return _unread(request, authorization)
    signed_at = date_of(request.headers)
    if signed_at is None:
        return _unauthenticated("缺少 X-Sdk-Date 或格式不对：应为 20261122T103000Z 这样的 UTC 时间。",
                                "X-Sdk-Date is missing or unreadable: write the UTC time like 20261122T103000Z.")  # fmt: skip
    if abs(now - signed_at) > SKEW_S:
        return _unauthenticated(f"X-Sdk-Date 与服务器时间相差超过 {SKEW_S / 60:g} 分钟：请校准本机时钟。",
                                f"X-Sdk-Date is more than {SKEW_S / 60:g} minutes from the server's time: set your clock.")  # fmt: skip
    key = snapshot.keys.get(claim.access)
    # Computed in any case: how long an answer takes tells nobody which keys there are.
    proved = verify(key.secret_key if key is not None else NOBODY, claim, request)
    account = None if key is None else snapshot.accounts.get(key.account_id)
    if key is None or not proved or not key.enabled or account is None or not account.enabled:
        return _unauthenticated("AK 或签名不正确：请用启用中的 SecretId 和 SecretKey，并保留原始的 Host 头。",
                                "verify aksk signature fail: use an enabled SecretId and SecretKey, and keep the Host header.")  # fmt: skip
    if not key.admits(address):
        return Failure(
            errors.NOT_ALLOWED,
            f"这个密钥不能从 {address} 使用：请在密钥的允许地址里加上它。",
            f"This key may not be used from {address}: add the address to those it is allowed.",
        )
    return Actor(
        kind=ActorKind.KEY, id=key.secret_id, name=key.secret_id, permissions=key.permissions, account_id=key.account_id, address=address
    )


def _unread(request: Signed, authorization: str) -> Failure:
    if request.headers.get(TOKEN) and not authorization:
        return _unauthenticated("这里没有 IAM，不接受 X-Auth-Token：请用 AK/SK 签名（SDK-HMAC-SHA256）。",
                                "There is no IAM here, X-Auth-Token is not taken: sign with AK and SK (SDK-HMAC-SHA256).")  # fmt: skip
    if not authorization:
        return _unauthenticated("缺少 Authorization 头：请用 AK/SK 签名（SDK-HMAC-SHA256）。",
                                "The Authorization header is missing: sign with AK and SK (SDK-HMAC-SHA256).")  # fmt: skip
    return _unauthenticated("Authorization 不是 SDK-HMAC-SHA256，或缺少一部分：其他算法不支持。",
                            "Authorization is not of SDK-HMAC-SHA256, or lacks a part: no other algorithm is taken.")  # fmt: skip


def _unauthenticated(zh: str, en: str) -> Failure:
    return Failure(errors.NOT_AUTHENTICATED, zh, f"Incorrect IAM authentication information: {en}")
