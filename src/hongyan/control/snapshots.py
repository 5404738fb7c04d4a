"""Snapshots: what the pipeline may know of all this, in one immutable value."""

import asyncio
import ipaddress
from collections.abc import Callable, Mapping, Sequence

import msgspec

from hongyan.control import callbacks, tokens
from hongyan.control.words import SEVERITIES
from hongyan.kit.db import Connection, Database
from hongyan.kit.secretbox import SecretBox
from hongyan.model.actor import CLASSIC, GRANTS, Permission, Role
from hongyan.model.alarm import AlarmKind
from hongyan.model.answering import USUAL, Answering
from hongyan.model.billing import day_of, midnight
from hongyan.model.protection import Protection
from hongyan.model.rules.sets import SEEDS, RuleSet, value_rules
from hongyan.model.senders import Extension, SenderNumbers
from hongyan.model.snapshot import (
    Account,
    ApiKey,
    App,
    AppAccess,
    FromNumber,
    LinkConfig,
    PackageRef,
    Scope,
    Signature,
    Snapshot,
    Template,
)
from hongyan.model.tariff import Price, Tariff
from hongyan.model.template import TemplateFault, placeholders
from hongyan.model.values import ValueRules
from hongyan.model.words import Word, compiled
from hongyan.store import (
    accounts,
    alarms,
    answerings,
    app_access,
    apps,
    bills,
    blacklist,
    credit,
    extensions,
    from_numbers,
    keys,
    links,
    packages,
    prices,
    protections,
    senders,
    signatures,
    snapshots,
    templates,
    words,
)
from hongyan.store.extensions import ExtensionRow
from hongyan.store.from_numbers import FromNumberRow
from hongyan.store.prices import EVERYBODY, PriceRow
from hongyan.store.protections import ProtectionRow
from hongyan.store.senders import SenderRow
from hongyan.store.signatures import SignatureRow
from hongyan.store.templates import TemplateRow

CHANNEL = snapshots.CHANNEL
"""NOTIFY channel that rings when a version is committed."""

PRICES_KEPT_S = 86_400.0
"""Prices stay this long after others have followed, for clocks that are late."""
EXPIRED_KEPT_S = 86_400.0
"""Packages stay this long after they expire: clocks differ, and it is the ledger that decides."""


class Snapshots:
    """Versions are committed in their order, so that whoever has the newest has missed none."""

    def __init__(self, db: Database, box: SecretBox, clock: Callable[[], float], rules: RuleSet) -> None:
        self._db = db
        self._box = box
        self._clock = clock
        self._rules = rules

    async def publish(self, tx: Connection, reason: str) -> int:
        """Make what this transaction changed a new version; the transaction's last statement. The reason names no number or secret."""
        return await snapshots.publish(tx, reason, self._clock())

    async def version(self) -> int:
        """The newest version; 0 before the first."""
        async with self._db.connection() as conn:
            return await snapshots.version(conn)

    async def load(self) -> Snapshot:
        return await load(self._db, self._box, self._clock(), self._rules)


async def load(db: Database, box: SecretBox, now: float, rules: RuleSet = SEEDS) -> Snapshot:
    """All of it as of one instant. Raises `kit.secretbox.SecretError` when the master key is not the one it was sealed with."""
    async with db.transaction(repeatable_read=True) as tx:
        version = await snapshots.version(tx)
        account_rows = await accounts.every(tx)
        key_rows = await keys.sealed(tx)
        found_apps = await _apps(tx, box, rules)
        signature_rows = await signatures.sendable(tx)
        template_rows = await templates.approved(tx)
        package_refs = await packages.usable(tx, expiring_after=now - EXPIRED_KEPT_S)
        link_rows = await links.every(tx)
        word_rows = await words.every(tx)
        sharing = frozenset(await blacklist.sharing(tx))
        stops, tariffs = await _paying_later(tx, now)
        access_rows = await app_access.sealed(tx)
        number_rows = await from_numbers.every(tx)
        numbers = _senders(await senders.every(tx), await extensions.known(tx, released_after=now - extensions.QUIET_S))
        callback_settings = await callbacks.settings(tx, box, access_rows)
    # Made ready beside the event loop, once for each list.
    listed = await asyncio.to_thread(compiled, tuple(Word(row.word, SEVERITIES[row.action], row.reason) for row in word_rows))
    values = {row.id: value_rules(rules, row.kind) for row in account_rows}
    owners = {app.id: app.account_id for app in found_apps.values()}
    return Snapshot(
        version=version,
        accounts={row.id: _account(row, stops) for row in account_rows},
        keys={row.secret_id: _key(row, box) for row in key_rows},
        apps=found_apps,
        signatures=_signatures(signature_rows),
        signatures_by_id={row.id: Signature(row.id, row.account_id, row.app_id, row.name, row.scope) for row in signature_rows},
        templates={template.id: template for row in template_rows if (template := _template(row, values[row.account_id])) is not None},
        packages=_packages(package_refs),
        links=tuple(_link(row, box) for row in link_rows),
        words=listed if word_rows else None,
        sharing=sharing,
        tariffs=tariffs,
        access={row.access_key: _access(row, box, owners[row.app_id]) for row in access_rows if row.app_id in owners},
        senders=numbers,
        from_numbers=_from_numbers(number_rows, signature_rows),
        aliases={(row.account_id, row.alias): row.id for row in template_rows if row.alias},
        callbacks=callback_settings,
    )


def _account(row: accounts.AccountRow, stops: Mapping[int, float]) -> Account:
    return Account(id=row.id, name=row.name, kind=row.kind, enabled=row.enabled, charge=row.charge, stops_at=stops.get(row.id))


def _key(row: keys.SealedKey, box: SecretBox) -> ApiKey:
    return ApiKey(
        secret_id=row.secret_id,
        secret_key=box.open(row.secret_sealed, tokens.key_context(row.secret_id)),
        account_id=row.account_id,
        enabled=row.enabled,
        user_id=row.user_id,
        allow=tuple(ipaddress.ip_network(network) for network in row.allow),
        permissions=permissions(row.scopes, row.role),
    )


def permissions(scopes: Sequence[str] | None, role: Role | None) -> frozenset[Permission]:
    """What a key may do: its scopes, and of them what its user may when it has one."""
    wanted = CLASSIC if scopes is None else frozenset(map(Permission, scopes))
    return wanted if role is None else wanted & GRANTS[role]


async def _apps(tx: Connection, box: SecretBox, rules: RuleSet) -> dict[int, App]:
    """By id, each with what has been set for it."""
    app_rows = await apps.sealed(tx)
    allowed = await apps.all_allowed(tx)
    guards = {row.app_id: row for row in await protections.every(tx)}
    watched = await alarms.watched(tx)
    answering = await answerings.every(tx)
    return {
        row.app.id: _guarded(
            _app(row, box, allowed.get(row.app.id, frozenset()), answering.get(row.app.id, USUAL)),
            guards.get(row.app.id),
            rules,
            watched.get(row.app.id, frozenset()),
        )
        for row in app_rows
    }


def _app(row: apps.SealedApp, box: SecretBox, allowed: frozenset[int], answering: Answering) -> App:
    app = row.app
    return App(
        id=app.id,
        account_id=app.account_id,
        name=app.name,
        app_key=box.open(row.app_key_sealed, tokens.app_context(app.id)),
        enabled=app.enabled,
        limits=app.limits,
        windows=app.windows,
        unlimited_phones=allowed,
        pull=app.pull,
        report_url=app.report_url,
        reply_url=app.reply_url,
        context_in_reports=app.context_in_reports,
        sender_id=app.sender_id,
        extend_allowed=app.extend_allowed,
        answering=answering,
        networks=tuple(ipaddress.ip_network(network) for network in app.networks),
    )


def _guarded(app: App, row: ProtectionRow | None, rules: RuleSet, watched: frozenset[AlarmKind]) -> App:
    set_ = row is not None and row.settings != Protection()
    return msgspec.structs.replace(
        app,
        protection=row.settings if row is not None and set_ else None,
        marketing_hours=rules.marketing_hours if row is None else row.settings.hours_or(rules.marketing_hours),
        marketing_deferred=row is not None and row.settings.marketing_deferred,
        stopped=row is not None and row.stopped_at is not None,
        watched=watched,
    )


def _signatures(rows: list[SignatureRow]) -> dict[tuple[int, str, Scope], Signature]:
    found: dict[tuple[int, str, Scope], Signature] = {}
    for row in rows:
        place = (row.account_id, row.name, row.scope)
        before = found.get(place)
        usages = frozenset() if row.usage is None else frozenset({row.usage})
        one = Signature(id=row.id, account_id=row.account_id, app_id=row.app_id, name=row.name, scope=row.scope, usages=usages)
        found[place] = one if before is None else _joined(before, one)
    return found


def _joined(before: Signature, one: Signature) -> Signature:
    """The same name, applied for once for each kind of message or application, is one name to whoever sends by it."""
    everybody = before.app_id is None or one.app_id is None
    return msgspec.structs.replace(
        one,
        app_id=None if everybody else one.app_id,
        also=frozenset() if everybody else before.also | {before.app_id} - {one.app_id},
        usages=before.usages | one.usages if before.usages and one.usages else frozenset(),
    )


def _template(row: TemplateRow, values: ValueRules) -> Template | None:
    """None for a body that a stricter version no longer takes: it cannot be filled, so it cannot be sent with."""
    params = placeholders(row.content)
    if isinstance(params, TemplateFault):
        return None
    return Template(
        id=row.id,
        account_id=row.account_id,
        app_id=row.app_id,
        kind=row.kind,
        scope=row.scope,
        content=row.content,
        params=params,
        signature_id=row.signature_id,
        universal=row.universal,
        alias=row.alias,
        square_brackets=row.square_brackets,
        values=msgspec.structs.replace(
            values,
            types=tuple(variable.type for variable in row.variables),
            longests=tuple(variable.longest for variable in row.variables),
        ),
    )


def _access(row: app_access.SealedAccess, box: SecretBox, account_id: int) -> AppAccess:
    secret = box.open(row.secret_sealed, tokens.access_context(row.app_id))
    return AppAccess(key=row.access_key, secret=secret, app_id=row.app_id, account_id=account_id)


def _senders(sender_rows: list[SenderRow], extension_rows: list[ExtensionRow]) -> SenderNumbers:
    codes = {row.number: row.extension_digits for row in sender_rows if row.extension_digits}
    given = [row for row in extension_rows if row.number in codes]
    dedicated = {row.number: row.app_id for row in sender_rows if row.app_id is not None and row.number.isdigit()}
    return SenderNumbers(
        digits=codes,
        extensions={
            row.number + row.extension: Extension(row.number, row.extension, row.signature_id, row.account_id, row.app_id) for row in given
        },
        of_signatures={(row.number, row.signature_id): row.extension for row in given if row.released_at is None},
        dedicated=dedicated,
        lengths=tuple(sorted({len(number) for number in (*codes, *dedicated)}, reverse=True)),
    )


def _from_numbers(rows: list[FromNumberRow], signature_rows: list[SignatureRow]) -> dict[str, FromNumber]:
    known = {row.id: row for row in signature_rows}
    found: dict[str, FromNumber] = {}
    for row in rows:
        signature = None if row.signature_id is None else known.get(row.signature_id)
        found[row.number] = FromNumber(
            number=row.number,
            account_id=row.account_id,
            app_id=row.app_id,
            signature_id=row.signature_id,
            sign_name="" if signature is None else signature.name,
            kind=row.kind if row.kind is not None or signature is None else signature.usage,
        )
    return found


def _packages(refs: list[PackageRef]) -> dict[tuple[int, Scope], tuple[PackageRef, ...]]:
    grouped: dict[tuple[int, Scope], list[PackageRef]] = {}
    for ref in refs:
        grouped.setdefault((ref.app_id, ref.scope), []).append(ref)
    return {place: tuple(found) for place, found in grouped.items()}


async def _paying_later(tx: Connection, now: float) -> tuple[dict[int, float], dict[int, Tariff]]:
    """When accounts stop for their bills, and the prices of those that have credit."""
    stops, credited = await bills.stops(tx), await credit.every(tx)
    found = await prices.current(tx, day_of(now - PRICES_KEPT_S)) if credited else []
    return stops, _tariffs(credited, found)


def _tariffs(account_ids: Sequence[int], found: Sequence[PriceRow]) -> dict[int, Tariff]:
    by_account: dict[int, dict[str, list[Price]]] = {}
    for row in found:
        price = Price(row.id, row.milli, midnight(row.effective_on))
        by_account.setdefault(row.account_id, {}).setdefault(row.region, []).append(price)
    general = by_account.get(EVERYBODY, {})
    return {account_id: Tariff(by_account.get(account_id, {}), general) for account_id in account_ids}


def _link(row: links.SealedLink, box: SecretBox) -> LinkConfig:
    password = box.open(row.password_sealed, tokens.link_context(row.config.name))
    return msgspec.structs.replace(row.config, password=password)
