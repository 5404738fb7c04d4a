"""What the control plane says no to: one closed family, each refusal saying what, why and what to do."""

import enum


class Fault(enum.StrEnum):
    """The kind of refusal; commands and APIs translate it, people read the texts."""

    NOT_FOUND = "not_found"
    TAKEN = "taken"
    INVALID = "invalid"
    TOO_MANY = "too_many"
    NOT_ALLOWED = "not_allowed"
    IN_USE = "in_use"
    WRONG_STATE = "wrong_state"
    NOT_SIGNED_IN = "not_signed_in"
    """What was given does not prove who it is."""
    TOO_OFTEN = "too_often"
    """Later: `ControlError.retry_in_s` says when."""


class ControlError(Exception):
    """Nothing was changed. The texts carry no secret; numbers in them are masked."""

    def __init__(self, code: Fault, zh: str, en: str, *, why: str = "", retry_in_s: float | None = None) -> None:
        super().__init__(en)
        self.code = code
        self.why = why
        """The rule in one stable word, where a program may want to tell one from another."""
        self.zh = zh
        self.en = en
        self.retry_in_s = retry_in_s


class Noun(enum.Enum):
    """What can be missing, in both languages and with the command that lists it."""

    ACCOUNT = ("账号", "account", "account list")
    KEY = ("密钥", "key", "key list")
    APP = ("应用", "application", "app list")
    SIGNATURE = ("签名", "signature", "signature list")
    TEMPLATE = ("模板", "template", "template list")
    LINK = ("通道", "link", "link list")
    USER = ("用户", "user", "user list")
    SESSION = ("登录会话", "session", "user list")
    VERIFICATION = ("认证", "verification", "account verifications")
    MEMBER = ("成员", "member", "member list")
    INVITATION = ("邀请", "invitation", "member invitations")
    CONTACT = ("告警联系人", "alarm contact", "alarm contacts")
    FROM_NUMBER = ("通道号", "from number", "from-number list")
    ACCESS = ("华为云接口密钥", "Huawei access key of application", "access show")
    SENDER = ("号码", "sender number", "sender list")
    DOCUMENT = ("文件", "document", "document list")
    QUALIFICATION = ("资质", "qualification", "qualification list")
    REVIEW = ("审核", "review", "review list")
    BILL_FILE = ("账单文件", "file of the bill", "bill files")
    BILL = ("账单", "bill", "bill list")
    CREDIT = ("信用额度", "credit of account", "credit list")
    CHARGE = ("已扣费的短信", "message that was charged", "message list")
    MESSAGE = ("短信", "message", "message list")
    PACKAGE = ("套餐包", "package", "package list")
    OFFER = ("套餐", "offer", "offer list")
    PURCHASE = ("购买单", "purchase", "purchase list")


def not_found(noun: Noun, which: int | str) -> ControlError:
    zh, en, command = noun.value
    return ControlError(
        Fault.NOT_FOUND,
        f"没有{zh} {which}：`hongyan {command}` 会列出现有的。",
        f"There is no {en} {which}: `hongyan {command}` lists those there are.",
        why=f"no_{noun.name.lower()}",
    )
