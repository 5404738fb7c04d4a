"""The command line: which commands there are and where each one is written. Nothing is imported before it is asked for."""

import functools
import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any

import msgspec
import typer
import typer.core
import typer.main

from hongyan.cli.output import CommandError, Terminal, language

Places = Mapping[str, str]
"""By command: the function in hongyan.cli that does it, "module:function"."""


class Group(msgspec.Struct, frozen=True):
    """Commands under one word."""

    help: str
    places: Places


GROUPS: Mapping[str, Group] = {
    "account": Group(
        "Accounts: whoever owns applications and keys.",
        {"create": "accounts:create", "list": "accounts:list_", "enable": "accounts:enable", "disable": "accounts:disable",
         "verify": "accounts:verify", "verifications": "accounts:verifications", "urge": "accounts:urge", "withdraw": "accounts:withdraw",
         "charge": "accounts:charge"},
    ),
    "key": Group(
        "API keys: SecretId and SecretKey, two live pairs a user, and two an account.",
        {"create": "accounts:create_key", "list": "accounts:list_keys", "enable": "accounts:enable_key", "disable": "accounts:disable_key",
         "set": "accounts:set_key", "remove": "accounts:remove_key"},
    ),
    "user": Group(
        "Users: people who sign in.",
        {
            "create": "people:create", "list": "people:list_", "enable": "people:enable", "disable": "people:disable",
            "role": "people:role", "reset": "people:reset", "password": "people:password", "unlock": "people:unlock",
        },
    ),
    "member": Group(
        "Members of an account and their roles.",
        {
            "invite": "people:invite", "invitations": "people:invitations", "withdraw": "people:withdraw", "add": "people:add_member",
            "list": "people:list_members", "role": "people:set_role", "remove": "people:remove_member",
        },
    ),
    "app": Group(
        "Applications (SdkAppID): limits, callbacks, pull, allow-list.",
        {
            "create": "apps:create", "list": "apps:list_", "show": "apps:show", "set": "apps:set_", "allow": "apps:allow",
            "disallow": "apps:disallow",
        },
    ),
    "document": Group(
        "Documents that accounts hand in.",
        {
            "add": "papers:add_document", "list": "papers:list_documents", "save": "papers:save_document",
            "delete": "papers:delete_document",
        },
    ),
    "qualification": Group(
        "Qualifications: the companies behind signatures.",
        {
            "add": "papers:add_qualification", "list": "papers:list_qualifications", "show": "papers:show_qualification",
            "approve": "papers:approve_qualification", "reject": "papers:reject_qualification",
            "delete": "papers:delete_qualification",
        },
    ),
    "signature": Group(
        "Signatures and their review.",
        {
            "add": "review:add_signature", "list": "review:list_signatures", "show": "review:show_signature",
            "approve": "review:approve_signature", "reject": "review:reject_signature",
            "deactivate": "review:deactivate_signature", "file": "review:file_signature", "urge": "review:urge_signature",
            "delete": "review:delete_signature",
        },
    ),
    "template": Group(
        "Templates and their review.",
        {
            "name": "review:name_template", "add": "review:add_template", "list": "review:list_templates", "show": "review:show_template",
            "approve": "review:approve_template", "reject": "review:reject_template",
            "deactivate": "review:deactivate_template", "stop": "review:stop_template", "urge": "review:urge_template",
            "delete": "review:delete_template",
        },
    ),
    "review": Group(
        "What waits for a decision, and the rules that decide by themselves.",
        {
            "list": "desk:queue", "history": "desk:history", "show": "desk:show", "claim": "desk:claim", "release": "desk:release",
            "approve": "desk:approve", "reject": "desk:reject", "ask": "desk:ask", "reasons": "desk:reasons", "rules": "desk:rules",
            "rule": "desk:rule",
        },
    ),
    "calendar": Group(
        "Working days, by which reviews are due.", {"list": "desk:days", "set": "desk:set_day", "unset": "desk:unset_day"}
    ),
    "lint": Group(
        "What a reviewer would refuse, told before anything is submitted.",
        {"signature": "lint:signature", "template": "lint:template", "text": "lint:text"},
    ),
    "schedule": Group(
        "Sends at a time.", {"add": "schedules:add", "list": "schedules:list_", "cancel": "schedules:cancel"}
    ),
    "offer": Group(
        "Packages on sale.", {"add": "money:add_offer", "list": "money:list_offers", "set": "money:set_offer"}
    ),
    "purchase": Group(
        "Purchases of packages.",
        {
            "order": "money:order", "list": "money:list_purchases", "show": "money:show_purchase", "cancel": "money:cancel",
            "refund": "money:refund", "repaid": "money:repaid",
        },
    ),
    "payment": Group("Payments.", {"confirm": "money:confirm", "list": "money:list_payments"}),
    "price": Group(
        "Prices of segments abroad, for those who pay later.",
        {"import": "billing:import_prices", "export": "billing:export_prices", "list": "billing:list_prices"},
    ),
    "cost": Group("What segments cost at links.", {"import": "billing:import_costs", "list": "billing:list_costs"}),
    "credit": Group(
        "Accounts that pay later, and what they may owe.",
        {
            "set": "billing:set_credit", "list": "billing:list_credit", "entries": "billing:entries", "refund": "billing:refund",
            "check": "billing:check", "unfreeze": "billing:unfreeze",
        },
    ),
    "bill": Group("Bills of accounts that pay later.", {
            "list": "billing:list_bills", "show": "billing:show_bill", "files": "billing:list_files", "save": "billing:save",
        }),
    "package": Group("Prepaid packages.", {"buy": "packages:buy", "list": "packages:list_", "unfreeze": "packages:unfreeze"}),
    "ledger": Group(
        "The journal of packages.", {"list": "packages:entries", "check": "packages:check", "export": "packages:export"}
    ),
    "blacklist": Group(
        "Numbers never to be sent to.",
        {
            "add": "blacklist:add", "remove": "blacklist:remove", "list": "blacklist:list_", "import": "blacklist:import_",
            "export": "blacklist:export",
        },
    ),
    "reply": Group("Replies: what handsets wrote to applications.", {"list": "replies:heard"}),
    "optout": Group(
        "Numbers that want no more messages of an application.",
        {"add": "replies:add", "remove": "replies:lift", "list": "replies:list_", "export": "replies:export"},
    ),
    "answer": Group(
        "What an application does with replies: words for leaving and coming back, confirmations, keywords.",
        {"show": "replies:show", "set": "replies:set_", "list": "replies:sent"},
    ),
    "protection": Group(
        "Daily caps, countries, hours, and the emergency stop.",
        {"show": "protection:show", "set": "protection:set_", "stop": "protection:stop", "resume": "protection:resume"},
    ),
    "word": Group(
        "Words that hold or refuse a message.",
        {"add": "protection:add_words", "remove": "protection:remove_words", "list": "protection:list_words"},
    ),
    "held": Group(
        "Messages that wait for a reviewer.",
        {"list": "protection:list_held", "release": "protection:release", "refuse": "protection:refuse"},
    ),
    "alarm": Group(
        "Alarm contacts: who is told of reviews, floods and empty packages.",
        {
            "add": "alarms:add", "set": "alarms:set_", "remove": "alarms:remove", "contacts": "alarms:contacts", "test": "alarms:test",
            "told": "alarms:told", "review-hook": "alarms:review_hook",
        },
    ),
    "link": Group(
        "Links to carriers.",
        {"add": "links:add", "list": "links:list_", "set": "links:set_", "enable": "links:enable", "disable": "links:disable"},
    ),
    "sender": Group(
        "Sender numbers.",
        {
            "add": "links:add_sender", "extend": "links:extend_sender", "list": "links:list_senders",
            "extensions": "links:list_extensions",
            "remove": "links:remove_sender",
        },
    ),
    "callback": Group(
        "Callbacks: how an application wants them, and what became of them.",
        {
            "show": "callbacks:show", "set": "callbacks:set_", "secrets": "callbacks:secrets", "rotate": "callbacks:rotate",
            "test": "callbacks:try_", "deliveries": "callbacks:deliveries", "endpoints": "callbacks:endpoints", "dead": "callbacks:dead",
            "replay": "callbacks:replay",
        },
    ),
    "access": Group(
        "Keys and secrets of applications in Huawei's API.",
        {
            "issue": "access:issue", "rotate": "access:rotate", "keep": "access:keep", "show": "access:show", "remove": "access:remove",
        },
    ),
    "from-number": Group(
        "From numbers: what programs written for Huawei Cloud name as the sender.",
        {"add": "access:add_number", "list": "access:list_numbers", "remove": "access:remove_number"},
    ),
    "audit": Group("The audit log: who changed what.", {"list": "audit:list_", "verify": "audit:verify"}),
    "db": Group("The database over several servers.", {"distribute": "database:distribute"}),
    "message": Group(
        "Messages and what happened to them.",
        {"show": "messages:show", "list": "messages:list_", "count": "counting:count", "attempts": "counting:attempts"},
    ),
    "simulate": Group(
        "The simulated carrier: scripted replies and faults.",
        {
            "reply": "simulate:reply", "answer": "simulate:answer",
            "throttle": "simulate:throttle", "queue-full": "simulate:queue_full", "drop": "simulate:drop",
            "slow": "simulate:slow", "swallow": "simulate:swallow", "receipts": "simulate:receipts", "stats": "simulate:stats",
            "seen": "simulate:seen", "reset": "simulate:reset", "serve": "simulate:serve",
        },
    ),
}  # fmt: skip

COMMANDS: Places = {
    "serve": "serve:serve",
    "demo": "platform:demo",
    "sandbox": "send:sandbox",
    "send": "send:send",
    "send-text": "send:send_text",
    "why": "why:why",
    "doctor": "doctor:doctor",
    "margin": "billing:margin",
    "bench": "bench:bench",
    "migrate": "platform:migrate",
}


Maker = Callable[[], Any]
"""Makes a command when it is asked for."""


class Lazy(Mapping[str, Any]):
    """Commands by name, each made when it is looked up."""

    def __init__(self, makers: Mapping[str, Maker]) -> None:
        self._makers = makers

    def __getitem__(self, name: str) -> Any:
        return self._makers[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


def tree(terminal: Terminal) -> typer.core.TyperGroup:
    """The whole command line in the terminal's language."""
    makers = _commands(COMMANDS, terminal) | {name: functools.partial(_group, name, group, terminal) for name, group in GROUPS.items()}
    return _tree("hongyan", "Hongyan, a self-hosted SMS platform.", makers, terminal)


def _commands(places: Places, terminal: Terminal) -> dict[str, Maker]:
    return {name: functools.partial(_command, name, place, terminal) for name, place in places.items()}


def _group(name: str, group: Group, terminal: Terminal) -> typer.core.TyperGroup:
    return _tree(name, group.help, _commands(group.places, terminal), terminal)


def _tree(name: str, text: str, makers: Mapping[str, Maker], terminal: Terminal) -> typer.core.TyperGroup:
    commands: Any = Lazy(makers)
    made = typer.core.TyperGroup(name=name, help=terminal.t(text), commands=commands, rich_markup_mode=None)
    made.no_args_is_help = True
    return made


def _everywhere(
    *,
    json: Annotated[
        bool,
        typer.Option("--json", expose_value=False, help="Print JSON on standard output, and errors as JSON on standard error."),
    ] = False,
) -> None:
    """Take what every command takes; whether it is there is seen before anything is parsed, so that errors in parsing are JSON too."""


def _command(name: str, place: str, terminal: Terminal) -> Any:
    module, _, function = place.partition(":")
    command = _made(name, getattr(importlib.import_module(f"hongyan.cli.{module}"), function))
    command.params.extend(_made(name, _everywhere).params)
    for shown in (command, *command.params):
        shown.help = _spoken(getattr(shown, "help", None) or "", terminal)
    return command


def _spoken(text: str, terminal: Terminal) -> str:
    """The help in the terminal's language; how its lines are broken in the source makes no difference."""
    words = " ".join(text.split())
    return spoken if (spoken := terminal.t(words)) != words else text


def _made(name: str, function: Callable[..., None]) -> Any:
    made = typer.Typer(add_completion=False, rich_markup_mode=None)
    made.command(name)(function)
    return typer.main.get_command(made)


def run(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Do what the command line says; 0 when done, 1 when it could not be, 2 when the line makes no sense."""
    terminal = Terminal(lang=language(environ), json="--json" in argv, environ=environ)
    try:
        code = tree(terminal).main(args=list(argv), prog_name="hongyan", standalone_mode=False, obj=terminal)
    except typer.TyperException as fault:
        terminal.fault("usage", fault.format_message())
        return fault.exit_code
    except typer.Abort:
        return 130
    except CommandError as fault:
        terminal.fault(fault.code, fault.zh if terminal.lang == "zh" else fault.en)
        return 2 if fault.code == "usage" else 1
    except Exception as fault:
        # Whatever else can happen to anybody has its words; what has none is a fault of ours and keeps its traceback.
        from hongyan.cli.faults import told  # noqa: PLC0415 - most runs need none of it

        if (known := told(fault)) is None:
            raise
        code_word, zh, en = known
        terminal.fault(code_word, zh if terminal.lang == "zh" else en)
        return 1
    return code if isinstance(code, int) else 0
