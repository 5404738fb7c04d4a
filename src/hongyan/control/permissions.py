"""May this actor do that? One question, asked by every service before it looks at anything else."""

from hongyan.control.errors import ControlError, Fault, Noun, not_found
from hongyan.kit.db import Connection
from hongyan.model.actor import Actor, ActorKind, Permission
from hongyan.store import apps
from hongyan.store.apps import AppRow

WORDS: dict[Permission, tuple[str, str]] = {
    Permission.READ: ("查看", "see this"),
    Permission.REVEAL: ("查看完整号码和内容", "see whole numbers and texts"),
    Permission.SEND: ("发送短信", "send messages"),
    Permission.APPS: ("管理应用", "change applications"),
    Permission.KEYS: ("管理密钥", "manage keys"),
    Permission.APPLY: ("申请资质、签名和模板", "apply for qualifications, signatures and templates"),
    Permission.CONTACTS: ("管理黑名单和联系人", "change blacklists and contacts"),
    Permission.MONEY_READ: ("查看费用", "see packages and bills"),
    Permission.MONEY: ("购买和退订套餐包", "buy and return packages"),
    Permission.MEMBERS: ("管理成员", "manage members"),
    Permission.ACCOUNT: ("管理账号", "change the account"),
    Permission.AUDIT: ("查看操作日志", "read the audit log"),
    Permission.REVIEW: ("审核", "review"),
    Permission.OPERATE: ("运维平台", "operate the platform"),
    Permission.ADMINISTER: ("管理账号和用户", "administer accounts and users"),
}


def demand(actor: Actor, permission: Permission, account_id: int | None = None) -> None:
    """Raises ControlError unless the actor may do this, to this account when one is named.

    Another account is refused in the words for one that does not exist, so that nobody learns which there are.
    """
    if account_id is not None and actor.account_id not in {None, account_id}:
        raise not_found(Noun.ACCOUNT, account_id)
    if permission not in actor.permissions:
        zh, en = WORDS[permission]
        raise ControlError(
            Fault.NOT_ALLOWED,
            f"你的角色不能{zh}：请让账号的所有者调整角色，或使用有此权限的密钥。",
            f"Your role may not {en}: ask an owner of the account to change it, or use a key with the scope “{permission}”.",
        )


def within(actor: Actor, account_id: int | None) -> int | None:
    """The account a list is limited to: the actor's own, or for the operator the one asked for, or None for all."""
    if actor.account_id is None or account_id is None:
        return account_id if actor.account_id is None else actor.account_id
    if account_id != actor.account_id:
        raise not_found(Noun.ACCOUNT, account_id)
    return account_id


def person(actor: Actor) -> int:
    """The user's id: some things only a person can do, for themselves."""
    if actor.kind is not ActorKind.USER:
        raise ControlError(
            Fault.NOT_ALLOWED,
            "这件事只能由本人登录后做。",
            "Only a person can do this, for themselves, after signing in.",
        )
    return int(actor.id)


async def own_app(conn: Connection, actor: Actor, app_id: int, *, lock: bool = False) -> AppRow:
    """The application; one of another account is not found. With `lock` it is kept from changing until the transaction ends."""
    app = await (apps.lock if lock else apps.get)(conn, app_id)
    if app is None or actor.account_id not in {None, app.account_id}:
        raise not_found(Noun.APP, app_id)
    return app


async def own_apps(conn: Connection, actor: Actor, app_id: int | None) -> list[int]:
    """The applications a question may be about: the one named, or all of the actor's account, or for the operator all."""
    if app_id is not None:
        return [(await own_app(conn, actor, app_id)).id]
    return [app.id for app in await apps.every(conn, actor.account_id)]
