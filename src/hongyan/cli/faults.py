"""What can go wrong below a command, as code and texts."""

from hongyan.control.errors import ControlError
from hongyan.kit.blobs import BlobError
from hongyan.kit.db import UNAVAILABLE
from hongyan.kit.embedded import StartError
from hongyan.kit.faults import FaultsError
from hongyan.kit.migrate import UnsafeServerError
from hongyan.kit.secretbox import SecretError
from hongyan.settings import SettingsError


def told(fault: Exception) -> tuple[str, str, str] | None:
    """Code, Chinese and English for a fault that can happen to anybody; None for one that is ours."""
    match fault:
        case ControlError():
            return fault.code.value, fault.zh, fault.en
        case SecretError() | BlobError():
            return "master_key" if isinstance(fault, SecretError) else "documents", fault.zh, fault.en
        case SettingsError() | FaultsError():
            return "settings", f"设置有误：\n{fault}", f"The settings cannot be used:\n{fault}"
        case StartError() | UnsafeServerError():
            return "database", str(fault), str(fault)
        case _ if isinstance(fault, UNAVAILABLE):
            return (
                "database",
                f"数据库现在连不上（{fault}）：请检查 HONGYAN_DATABASE_URL 和数据库本身，然后再试。",
                f"The database cannot be reached ({fault}): check HONGYAN_DATABASE_URL and the server, then try again.",
            )
    return None
