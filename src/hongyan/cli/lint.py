"""hongyan lint: what a reviewer would refuse, before anything is submitted."""

from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from hongyan.cli.options import MOST_ID, AccountKindName, InScope, KindName, ScopeName
from hongyan.cli.output import CommandError
from hongyan.cli.session import actor, settings, terminal, with_control
from hongyan.model.values import ValueType

if TYPE_CHECKING:
    from hongyan.control.lint import Finding
    from hongyan.control.plane import ControlPlane
    from hongyan.model.matching import Match, Mismatch
    from hongyan.model.rules.sets import RuleSet
    from hongyan.model.words import Words

AccountKindOf = Annotated[AccountKindName, typer.Option("--account-kind", help="Who applies.")]
ForAccount = Annotated[
    int | None,
    typer.Option("--account", max=MOST_ID, help="As this account would be told, with the operator's words.", show_default=False),
]


class Told(msgspec.Struct, frozen=True):
    """A finding as it is printed."""

    code: str
    refuses: bool
    at: int | None
    """From 1."""
    text: str


class Unlike(msgspec.Struct, frozen=True):
    """A text that is of no template, as it is printed."""

    template_id: int | None
    """The nearest."""
    at: int | None
    """From 1."""
    text: str


def signature(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Its text, without brackets.", show_default=False)],
    scope: InScope = ScopeName.MAINLAND,
    account_kind: AccountKindOf = AccountKindName.ENTERPRISE,
    account: ForAccount = None,
) -> None:
    """Tell what is wrong with a signature; ends with 1 when it would be refused."""
    from hongyan.control import lint  # noqa: PLC0415 - `--help` does not wait for it
    from hongyan.model.papers import SignatureDraft  # noqa: PLC0415 - as above

    if account is not None:
        draft = SignatureDraft(name=name, scope=scope.scope)
        _tell(ctx, with_control(ctx, lambda control: control.linting.signature(actor(), account, draft)))
    else:
        _tell(ctx, lint.signature(lint.SignatureDraft(name, scope.scope), _rules(ctx), account_kind.kind, _words()))


def template(
    ctx: typer.Context,
    *,
    content: Annotated[str, typer.Argument(help="Its text with {1}, {2}, ... where values go.", show_default=False)],
    kind: Annotated[KindName, typer.Option(help="What it is for.")] = KindName.NOTICE,
    scope: InScope = ScopeName.MAINLAND,
    account_kind: AccountKindOf = AccountKindName.ENTERPRISE,
    value: Annotated[list[ValueType] | None, typer.Option(help="What a placeholder stands for, in order.", show_default=False)] = None,
    account: ForAccount = None,
) -> None:
    """Tell what is wrong with a template; ends with 1 when it would be refused."""
    from hongyan.control import lint  # noqa: PLC0415 - as above
    from hongyan.model.papers import TemplateDraft, Variable  # noqa: PLC0415 - as above

    types = tuple(value or ())
    if account is not None:
        draft = TemplateDraft(name="", kind=kind.kind, scope=scope.scope, content=content, variables=tuple(map(Variable, types)))
        _tell(ctx, with_control(ctx, lambda control: control.linting.template(actor(), account, draft)))
    else:
        _tell(ctx, lint.template(lint.TemplateDraft(content, kind.kind, scope.scope, types), _rules(ctx), account_kind.kind, _words()))


def text(
    ctx: typer.Context,
    content: Annotated[str, typer.Argument(help="A whole text, with or without 【signature】 in front.", show_default=False)],
    app: Annotated[int, typer.Option("--app", max=MOST_ID, help="The application's SdkAppID.", show_default=False)],
) -> None:
    """Tell which approved template of an application a text is of, or what keeps it from being of one."""
    from hongyan.model.matching import Match  # noqa: PLC0415 - as above

    found = with_control(ctx, lambda control: _match(control, app, content))
    if isinstance(found, str):
        raise CommandError("not_found", f"没有应用 {app}：`hongyan app list` 会列出现有的。", found)
    if isinstance(found, Match):
        terminal(ctx).show(found)
        return
    told = found.zh if terminal(ctx).lang == "zh" else found.reason
    terminal(ctx).show(Unlike(template_id=found.template_id, at=None if found.at is None else found.at + 1, text=told))
    raise typer.Exit(1)


async def _match(control: "ControlPlane", app_id: int, content: str) -> "Match | Mismatch | str":
    from hongyan.model.matching import Matchers  # noqa: PLC0415 - as above
    from hongyan.model.template import split_text  # noqa: PLC0415 - as above

    snapshot = await control.snapshots.load()
    app = snapshot.apps.get(app_id)
    if app is None:
        return f"There is no application {app_id}: `hongyan app list` lists those there are."
    return Matchers().of(snapshot, app).match(split_text(content)[1])


def _words() -> "Words":
    from hongyan.model.rules.words import built_in  # noqa: PLC0415 - as above
    from hongyan.model.words import Words  # noqa: PLC0415 - as above

    return Words(built_in())


def _rules(ctx: typer.Context) -> "RuleSet":
    from hongyan.model.rules.sets import RULE_SETS  # noqa: PLC0415 - as above

    return RULE_SETS[settings(ctx).rules]


def _tell(ctx: typer.Context, findings: "list[Finding]") -> None:
    """Each finding, in the reader's language."""
    to = terminal(ctx)
    told = [
        Told(
            code=finding.code.value,
            refuses=finding.refuses,
            at=None if finding.at is None else finding.at + 1,
            text=finding.zh if to.lang == "zh" else finding.en,
        )
        for finding in findings
    ]
    to.table(told, ("code", "refuses", "at", "text"))
    if any(finding.refuses for finding in told):
        raise typer.Exit(1)
