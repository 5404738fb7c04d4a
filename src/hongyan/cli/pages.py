"""What the documentation says about the program, said by the program: tables between two marks in the pages, written by `make docs`.

A block begins with `<!-- from the code: NAME -->` and ends with `<!-- end -->`; `BLOCKS` has the names. Pages keep all else as it is.
"""

import enum
import functools
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from hongyan import settings
from hongyan.cli import twin
from hongyan.cli.app import GROUPS, tree
from hongyan.cli.output import Terminal
from hongyan.doors import published
from hongyan.doors.huawei import catalogue as huawei_catalogue
from hongyan.doors.huawei import errors as huawei_errors
from hongyan.doors.huawei import manage_errors as huawei_manage_errors
from hongyan.doors.huawei.words import templates as huawei_templates
from hongyan.doors.tencent_v3 import catalogue, errors
from hongyan.doors.tencent_v3.errors import FAULTS, Fault
from hongyan.doors.tencent_v5 import catalogue as v5_catalogue
from hongyan.doors.tencent_v5 import errors as v5_errors
from hongyan.kit import faults
from hongyan.kit.metrics import Metrics
from hongyan.model import causes, receipt_codes
from hongyan.model.limits import PRESETS, Limits, in_force, notation
from hongyan.model.message import FINAL, NEXT, VALIDITY_S, Kind, Status
from hongyan.model.papers import TEMPLATE_ACTS
from hongyan.model.rules.sets import RULE_SETS, OptOut, RuleSet
from hongyan.model.snapshot import LinkConfig
from hongyan.model.values import FORMS
from hongyan.pipeline.conclude import COPIES, RESOLVE_AFTER_S
from hongyan.simulator import handsets

OPENAPI = Path("docs/reference/openapi.json")
BEGIN, NAMED, END = "<!-- from the code: ", " -->", "<!-- end -->"
WORDS_BY_BEHAVIOUR = (
    ("submit_status", 0, "the submit is refused with command_status 0x{:02X}"),
    ("receipt_after_s", None, "its receipt comes after {:g} s"),
    ("answer_after_s", 0.0, "the answer to the submit lags {:g} s behind"),
    ("copies", 1, "its receipt comes {} times"),
    ("reply", "", "the handset then writes `{}`"),
)
"""A field of a handset's behaviour, what it usually is, and what is said when it is something else."""


class PageError(Exception):
    """A page asks for a block that there is not, or does not end one."""


def filled(text: str) -> str:
    """The page with every block in it written anew. Raises PageError."""
    parts = text.split(BEGIN)
    for number, part in enumerate(parts[1:], start=1):
        name, named, rest = part.partition(NAMED)
        _, ended, after = rest.partition(END)
        if name not in BLOCKS or not named or not ended:
            raise PageError(f"there is no block {name!r}, or it has no end")
        parts[number] = f"{name}{NAMED}\n{BLOCKS[name]().strip()}\n{END}{after}"
    return BEGIN.join(parts)


def commands() -> str:
    """Every command of the command line with its arguments and options."""
    root = tree(Terminal(lang="en"))
    return "\n\n".join(
        f"## hongyan {name}\n\n{_group(name, command)}" if name in GROUPS else _command(f"hongyan {name}", command, "##")
        for name, command in root.commands.items()
    )


def _group(name: str, group: Any) -> str:
    found = [_command(f"hongyan {name} {inner}", command, "###") for inner, command in group.commands.items()]
    return "\n\n".join([group.help, *found])


def _command(name: str, command: Any, heading: str) -> str:
    arguments = [param for param in command.params if param.param_type_name == "argument"]
    usage = " ".join([name, *(_argument(param) for param in arguments), "[OPTIONS]"])
    rows = [(_names(param), _meaning(param)) for param in command.params if "--json" not in param.opts]
    told = [f"{heading} {name}", "", command.help, "", f"    {usage}"]
    return "\n".join([*told, "", _table(("", "meaning"), rows)] if rows else told)


def _argument(param: Any) -> str:
    name = param.metavar or param.name.upper()
    return name if param.required else f"[{name}]"


def _names(param: Any) -> str:
    if param.param_type_name == "argument":
        return f"`{_argument(param)}`"
    kind = param.type_descriptor.annotation
    value = "|".join(kind) if isinstance(kind, type) and issubclass(kind, enum.StrEnum) else "VALUE"
    return ", ".join(
        f"`{name}`" if param.is_flag else f"`{name} {param.metavar or value}`" for name in [*param.opts, *param.secondary_opts]
    )


def _meaning(param: Any) -> str:
    told = [param.help]
    if param.required and param.param_type_name == "option":
        told.append("Required.")
    if param.show_default and param.default not in {None, "", False}:
        told.append(f"Default: `{param.default}`.")
    if param.envvar:
        told.append(f"Also `{param.envvar}` in the environment.")
    return " ".join(told)


def tencent_v3_actions() -> str:
    """What the door answers and what it knows to be missing, by version."""
    rows = [(f"`{version}`", "answered", _listed(actions)) for version, actions in catalogue.ACTIONS.items()]
    rows += [(f"`{version}`", "`ActionOffline`", _listed(sorted(offline))) for version, offline in catalogue.OFFLINE.items()]
    return _table(("version", "answer", "actions"), rows)


def tencent_v3_rates() -> str:
    """Requests a second, by action."""
    rates = {name: f"{action.rate}" for name, action in catalogue.ACTIONS[catalogue.CURRENT].items()}
    for name, action in catalogue.ACTIONS[catalogue.OLDER].items():
        if rates[name] != f"{action.rate}":
            rates[name] += f", in {catalogue.OLDER} {action.rate}"
    return _table(("action", "a second"), [(f"`{name}`", rate) for name, rate in rates.items()])


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def tencent_v3_errors() -> str:
    """Every code that the door can answer, with the place it stands in and our reasons for it."""
    reasons: dict[Fault, list[str]] = {}
    for reject, fault in FAULTS.items():
        reasons.setdefault(fault, []).append(f"`{reject.value}`")
    ordered = sorted(errors.EVERY, key=lambda fault: (fault.where.value, fault.code, fault.en))
    places = {errors.Where.ERROR: "`Response.Error`", errors.Where.STATUS: "the number's entry"}
    rows = [(f"`{f.code}`", places[f.where], f.en, f.zh, ", ".join(reasons.get(f, ["of the door itself"]))) for f in ordered]
    return _table(("code", "stands in", "English", "Chinese", "reason in Hongyan"), rows)


def tencent_v5_calls() -> str:
    """What the v5 door answers."""
    return _table(("path", "what it does"), [(f"`{path}`", call.summary) for path, call in v5_catalogue.CALLS.items()])


def tencent_v5_errors() -> str:
    """Every number that the v5 door can answer, with our reasons for it."""
    reasons: dict[v5_errors.Fault, list[str]] = {}
    for reject, fault in v5_errors.FAULTS.items():
        reasons.setdefault(fault, []).append(f"`{reject.value}`")
    ordered = sorted(v5_errors.EVERY, key=lambda fault: (fault.result, fault.en))
    rows = [
        (f"`{f.result}`", f.en, f.zh, ", ".join(reasons.get(f, ["of the gateway" if f.gateway else "of the door itself"]))) for f in ordered
    ]
    return _table(("result", "English", "Chinese", "reason in Hongyan"), rows)


def huawei_codes() -> str:
    """What the send API of Huawei's door answers of a whole request."""
    ordered = sorted(huawei_errors.EVERY, key=lambda fault: (fault.status, fault.code))
    return _table(("code", "status", "what it says"), [(f"`{fault.code}`", str(fault.status), fault.text) for fault in ordered])


def huawei_operations() -> str:
    """What the management API of Huawei's door can be asked."""
    rows = [(f"`{each.method}`", f"`{each.path}`", f"`{each.name}`", each.summary) for each in huawei_catalogue.OPERATIONS]
    return _table(("", "path", "operation of the SDK", "what it does"), rows)


def huawei_management_codes() -> str:
    """What it says when it says no."""
    ordered = sorted(huawei_manage_errors.MEANINGS.items(), key=lambda each: (each[0].code, each[0].status))
    return _table(("error_code", "status", ""), [(f"`{fault.code}`", str(fault.status), meaning) for fault, meaning in ordered])


def huawei_flows() -> str:
    """Where a template stands there, and what may be done with it."""
    rows = [
        (f"`{flow}`", f"`{status.value}`", ", ".join(sorted(act.value for act in TEMPLATE_ACTS[status])) or "-")
        for status, flow in huawei_templates.FLOWS.items()
    ]
    return _table(("flow_status", "elsewhere", "its account may"), rows)


def huawei_statuses() -> str:
    """What it says of a number, with our reasons for it."""
    reasons: dict[str, list[str]] = {
        huawei_errors.REPEATED: ["the same text to the same number, twice in a request"],
        huawei_errors.FROM_UNKNOWN: ["the application has no such `from`"],
        huawei_errors.OTHER_SIGNATURE: ["the template, or the signature that is named, does not go with `from`"],
        huawei_errors.OTHER_KIND: ["the template is of another kind than `from` is for"],
    }
    for reject, status in huawei_errors.STATUSES.items():
        if reject not in huawei_errors.OF_THE_REQUEST:
            reasons.setdefault(status, []).append(f"`{reject.value}`")
    return _table(("status", "reason in Hongyan"), [(f"`{status}`", ", ".join(each)) for status, each in sorted(reasons.items())])


def simulated_handsets() -> str:
    """What the numbers of the simulated carrier do."""
    rows = [(f"`+86{handsets.PREFIX}{digits}`", _behaviour(found)) for digits, found in handsets.TABLE.items()]
    return _table(("number", "what happens"), [*rows, ("every other number", _behaviour(handsets.USUAL))])


def _behaviour(found: handsets.Behaviour) -> str:
    ending = "no receipt ever comes" if found.ending is None else f"it ends as `{found.ending.stat}`"
    told = [] if found.submit_status else [ending]
    told += [words.format(value) for field, usual, words in WORDS_BY_BEHAVIOUR if (value := getattr(found, field)) != usual]
    return "; ".join(told)


def metrics() -> str:
    """Every metric with its type and labels."""
    rows = []
    for family in _collectors(Metrics()):
        labels = ", ".join(f"`{label}`" for label in family._labelnames)  # noqa: SLF001 - the library has no public name for them
        name = family._name + ("_total" if family._type == "counter" else "")  # noqa: SLF001 - as above
        rows.append((f"`{name}`", family._type, labels, family._documentation))  # noqa: SLF001 - as above
    return _table(("metric", "type", "labels", "meaning"), rows)


def _collectors(found: Metrics) -> Iterator[Any]:
    yield from dict.fromkeys(found.registry._collector_to_names)  # noqa: SLF001 - collecting gives only those that have counted


def lost_answers() -> str:
    """The policy for attempts that nobody answered for."""
    rows = [(kind.name.lower(), f"{RESOLVE_AFTER_S[kind]:g} s", str(COPIES[kind]), f"{VALIDITY_S[kind]:g} s") for kind in Kind]
    return _table(("kind", "a late answer or receipt is waited for", "copies handed to carriers at most", "validity"), rows)


def fault_points() -> str:
    """Every fault point with what is true there and what may be ordered."""
    rows = [(f"`{name}`", point.meaning, _listed(a for a in faults.Action if a in point.actions)) for name, point in faults.POINTS.items()]
    return _table(("point", "at it", "actions"), rows)


def statuses() -> str:
    """Which status can follow which."""
    rows = [
        (
            f"`{status.name}`",
            ", ".join(f"`{after.name}`" for after in Status if after in NEXT[status]) or "-",
            "yes" if status in FINAL else "",
        )
        for status in Status
    ]
    return _table(("status", "can be followed by", "final"), rows)


def limits() -> str:
    """The frequency limits and their defaults."""
    defaults = Limits()
    rows = [(f"`{name}`", str(getattr(defaults, name)) if getattr(defaults, name) else "none") for name in Limits.__struct_fields__]
    return _table(("limit", "default"), rows)


def limit_presets() -> str:
    """Every preset with its windows, in the order in which they are told."""
    rows = [
        (
            f"`{name}`",
            ", ".join(f"`{notation(rule.window)}`" for rule in in_force(preset.limits, preset.windows)),
            "8 to 22" if preset.marketing_hours else "any",
        )
        for name, preset in PRESETS.items()
    ]
    return _table(("preset", "limits", "hours of marketing"), rows)


def link_fields() -> str:
    """What can be set of a link, with the defaults."""
    fields = [field for field in msgspec.structs.fields(LinkConfig) if field.name not in {"id", "name", "protocol", "enabled"}]
    return _table(("field", "default"), [(f"`{field.name}`", _default(field)) for field in fields])


def _default(field: msgspec.structs.FieldInfo) -> str:
    value = field.default
    if value is msgspec.NODEFAULT:
        return "must be given"
    if isinstance(value, tuple):
        return ", ".join(f"`{part.name.lower()}`" for part in value) or "-"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`" if value != "" else "-"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in line) + " |" for line in lines)


def rule_sets() -> str:
    """Every rule that the rule sets have differently or as a number."""
    return _table(("rule", *(f"`{name}`" for name in RULE_SETS)), [(told, *map(said, RULE_SETS.values())) for told, said in RULES.items()])


def _each(values: Mapping[Any, object]) -> str:
    return ", ".join(f"{key.name.lower()} {value or 'no limit'}" for key, value in values.items())


def _closed(kinds: Iterable[enum.IntEnum]) -> str:
    return ", ".join(kind.name.lower() for kind in sorted(kinds)) or "none"


RULES: Mapping[str, Callable[[RuleSet], str]] = {
    "characters of a signature": lambda rules: _each({scope: f"{least}–{most}" for scope, (least, most) in rules.signature_length.items()}),
    "characters of a template": lambda rules: _each(rules.content_most),
    "placeholders": lambda rules: f"up to {rules.placeholders_most}",
    "templates without any placeholder": lambda rules: (
        ", ".join(sorted(f"{scope.name.lower()} {kind.name.lower()}" for kind, scope in rules.no_placeholders)) or "none"
    ),
    "placeholders side by side": lambda rules: "allowed" if rules.touching else "refused",
    "symbols such as ★ ※ →, pictures": lambda rules: "allowed" if rules.odd_symbols else "refused",
    "opt-out of marketing": lambda rules: "in any usual form" if rules.opt_out is OptOut.ANYWHERE else "ends with 拒收请回复R",
    "characters of a value": lambda rules: _each(rules.value_longest),
    "signatures of an application": lambda rules: str(rules.signatures_most),
    "templates of an application": lambda rules: str(rules.templates_most),
    "messages to one number a day, of a new application": lambda rules: str(rules.limits.day),
    "hours of marketing, in Shanghai": lambda rules: (
        "any" if rules.marketing_hours is None else "{:02}:00–{:02}:00".format(*rules.marketing_hours)
    ),
    "papers of a mainland signature": lambda rules: "a qualification" if rules.qualification else "a qualification, or a proof of its own",
    "kinds of signatures that are closed": lambda rules: _closed(rules.closed_kinds),
    "documents that prove nothing any more": lambda rules: _closed(rules.closed_documents),
    "filing with the carriers": lambda rules: "before anything is sent" if rules.filing else "not asked for",
}


def value_types() -> str:
    """What a placeholder can stand for."""
    return _table(("type", "values", ""), [(f"`{typed}`", form.en, form.zh) for typed, form in FORMS.items()])


def explained(begin: str) -> str:
    """What is said of causes of one kind."""
    found = {name: said for name, said in causes.table().items() if name.startswith(f"{begin}.")}
    rows = [(f"`{name}`", said.en, said.zh, said.who.value, said.do_en, said.do_zh) for name, said in found.items()]
    return _table(("cause", "what happened", "发生了什么", "who can act", "what to do next", "怎么办"), rows)


def carrier_codes() -> str:
    """What the standards and Huawei's pages say of codes."""
    rows = [
        (meaning.source, stage.value, f"`{code}`", meaning.en, meaning.zh, f"`{causes.key(meaning.category)}`")
        for (stage, code), found in receipt_codes.statuses().items()
        for meaning in found
    ]
    rows.sort(key=lambda row: (row[0], row[1]))
    return _table(("list", "said in", "code", "meaning", "含义", "cause"), rows)


def receipt_codes_listed() -> str:
    """Every code of Tencent's list, by category."""
    found: dict[str, list[str]] = {}
    for code, category in receipt_codes.categories().items():
        found.setdefault(category, []).append(code)
    rows = [(f"`{causes.key(receipt_codes.Category(name))}`", str(len(codes)), _listed(codes)) for name, codes in sorted(found.items())]
    return _table(("cause", "codes", ""), rows)


BLOCKS: Mapping[str, Callable[[], str]] = {
    "carrier codes": carrier_codes,
    "commands": commands,
    **{f"explained {begin}": functools.partial(explained, begin) for begin in causes.LISTS},
    "fault points": fault_points,
    "limit presets": limit_presets,
    "limits": limits,
    "link fields": link_fields,
    "lost answers": lost_answers,
    "metrics": metrics,
    "receipt codes": receipt_codes_listed,
    "rule sets": rule_sets,
    "simulated handsets": simulated_handsets,
    "statuses": statuses,
    "tencent_v3 actions": tencent_v3_actions,
    "huawei codes": huawei_codes,
    "huawei flows": huawei_flows,
    "huawei management codes": huawei_management_codes,
    "huawei operations": huawei_operations,
    "huawei statuses": huawei_statuses,
    "tencent_v3 errors": tencent_v3_errors,
    "tencent_v3 rates": tencent_v3_rates,
    "tencent_v5 calls": tencent_v5_calls,
    "tencent_v5 errors": tencent_v5_errors,
    "value types": value_types,
}


def pages(root: Path) -> Iterator[Path]:
    """Every page of the documentation below the project's folder."""
    yield from sorted(root.glob("*.md"))
    yield from sorted((root / "docs").rglob("*.md"))


def write(root: Path) -> None:
    """Write what the pages have from the code anew."""
    (root / "docs" / "reference" / "settings.md").write_text(settings.reference(), encoding="utf-8")
    (root / OPENAPI).write_text(published.page(), encoding="utf-8")
    twin.write(root)
    for page in pages(root):
        before = page.read_text(encoding="utf-8")
        if (after := filled(before)) != before:
            page.write_text(after, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
