"""Options that several commands take."""

import enum
from typing import Annotated

import typer

from hongyan.model.message import Kind
from hongyan.model.snapshot import AccountKind, Scope


class ScopeName(enum.StrEnum):
    MAINLAND = "mainland"
    INTERNATIONAL = "international"

    @property
    def scope(self) -> Scope:
        return Scope[self.name]


class KindName(enum.StrEnum):
    VERIFICATION = "verification"
    NOTICE = "notice"
    MARKETING = "marketing"

    @property
    def kind(self) -> Kind:
        return Kind[self.name]


class AccountKindName(enum.StrEnum):
    INDIVIDUAL = "individual"
    ENTERPRISE = "enterprise"

    @property
    def kind(self) -> AccountKind:
        return AccountKind[self.name]


MOST_ID = (1 << 63) - 1

Account = Annotated[int, typer.Option("--account", max=MOST_ID, help="The account's id.", show_default=False)]
AnyAccount = Annotated[int | None, typer.Option("--account", max=MOST_ID, help="Only of this account.", show_default=False)]
OneApp = Annotated[int | None, typer.Option("--app", max=MOST_ID, help="Only for this application (SdkAppID).", show_default=False)]
AnyApp = Annotated[int | None, typer.Option("--app", max=MOST_ID, help="Only of this application (SdkAppID).", show_default=False)]
AppId = Annotated[int, typer.Argument(metavar="APP", max=MOST_ID, help="The application's SdkAppID.", show_default=False)]
Phones = Annotated[list[str], typer.Argument(metavar="PHONE...", help="Numbers as people write them.", show_default=False)]
After = Annotated[int, typer.Option("--after", min=0, max=MOST_ID, help="Where the page before ended.")]
AfterText = Annotated[str, typer.Option("--after", help="Where the page before ended.")]
Most = Annotated[int, typer.Option(min=1, max=500, help="At most so many.")]
InScope = Annotated[ScopeName, typer.Option("--scope", help="For mainland China or for everywhere else.")]
