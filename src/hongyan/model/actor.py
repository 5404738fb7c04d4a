"""Who acts on the control plane, and what they may do."""

import enum

import msgspec


class ActorKind(enum.StrEnum):
    USER = "user"
    """A person who is signed in."""
    KEY = "key"
    """A program with an API key."""
    COMMAND = "command"
    """Whoever can run `hongyan` on the machine."""
    SYSTEM = "system"
    """The platform itself: a rule, a job."""


class Role(enum.StrEnum):
    """What a person is: the first four in an account, the others at the operator's."""

    OWNER = "owner"
    DEVELOPER = "developer"
    FINANCE = "finance"
    READER = "reader"
    REVIEWER = "reviewer"
    OPERATIONS = "operations"
    ADMINISTRATOR = "administrator"


MEMBER_ROLES = frozenset({Role.OWNER, Role.DEVELOPER, Role.FINANCE, Role.READER})
OPERATOR_ROLES = frozenset({Role.REVIEWER, Role.OPERATIONS, Role.ADMINISTRATOR})


class Permission(enum.StrEnum):
    """What may be done; a service asks for one, a role or a key's scopes give some."""

    READ = "read"
    """See applications, applications for review, records with masked numbers, statistics."""
    REVEAL = "reveal"
    """See whole numbers and texts."""
    SEND = "send"
    APPS = "apps"
    """Make and change applications: limits, callbacks, protection."""
    KEYS = "keys"
    APPLY = "apply"
    """Apply for qualifications, signatures and templates."""
    CONTACTS = "contacts"
    """Blacklists, contacts, alarm contacts."""
    MONEY_READ = "money_read"
    MONEY = "money"
    """Buy and give back."""
    MEMBERS = "members"
    """Members of the account and their roles."""
    ACCOUNT = "account"
    """The account itself: its verification, its name."""
    AUDIT = "audit"
    """Read who did what."""
    REVIEW = "review"
    """The operator's: decide on what is applied for."""
    OPERATE = "operate"
    """The operator's: links, sender numbers, rules for all accounts."""
    ADMINISTER = "administer"
    """The operator's: accounts, users and their roles."""


TENANT = frozenset({
    Permission.READ, Permission.REVEAL, Permission.SEND, Permission.APPS, Permission.KEYS, Permission.APPLY, Permission.CONTACTS,
    Permission.MONEY_READ, Permission.MONEY, Permission.MEMBERS, Permission.ACCOUNT, Permission.AUDIT,
})  # fmt: skip
"""What can be done within an account."""

GRANTS: dict[Role, frozenset[Permission]] = {
    Role.OWNER: TENANT,
    Role.DEVELOPER: frozenset({
        Permission.READ, Permission.REVEAL, Permission.SEND, Permission.APPS, Permission.KEYS, Permission.APPLY, Permission.CONTACTS,
    }),
    Role.FINANCE: frozenset({Permission.READ, Permission.MONEY_READ, Permission.MONEY}),
    Role.READER: frozenset({Permission.READ}),
    Role.REVIEWER: frozenset({Permission.READ, Permission.REVEAL, Permission.REVIEW}),
    Role.OPERATIONS: frozenset({
        Permission.READ, Permission.REVEAL, Permission.SEND, Permission.APPS, Permission.CONTACTS, Permission.MONEY_READ,
        Permission.AUDIT, Permission.OPERATE,
    }),
    Role.ADMINISTRATOR: frozenset(Permission),
}  # fmt: skip
"""What each role may do."""


CLASSIC = GRANTS[Role.DEVELOPER] | {Permission.MONEY_READ}
"""What a key may do that names no scopes: sending and all that programs of Tencent's customers call."""


class Actor(msgspec.Struct, frozen=True):
    """Whoever asks a control service for something."""

    kind: ActorKind
    id: str
    """The user's number, the key's SecretId, the login name on the machine, the name of the rule."""
    name: str
    """How people know them; part of the audit log."""
    permissions: frozenset[Permission]
    account_id: int | None = None
    """The only account it may see and change; None for the operator, who may see all."""
    address: str = ""
    """Where the request came from, when it came over the network."""


def command(login: str) -> Actor:
    """Whoever runs a command on the machine may do everything: they hold the database and the master key anyway."""
    return Actor(kind=ActorKind.COMMAND, id=login, name=login, permissions=frozenset(Permission))


def system(rule: str) -> Actor:
    """The platform acting by a rule or a job of this name."""
    return Actor(kind=ActorKind.SYSTEM, id=rule, name=rule, permissions=frozenset(Permission))
