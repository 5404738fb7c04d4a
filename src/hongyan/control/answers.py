"""What an application does with replies: its words for leaving and coming back, and what it answers."""

from collections.abc import Callable, Sequence

import msgspec

from hongyan.control.audit import Audit
from hongyan.control.errors import ControlError, Fault, Noun, not_found
from hongyan.control.permissions import demand, own_app
from hongyan.kit.db import Connection, Database
from hongyan.model.actor import Actor, Permission
from hongyan.model.answering import LANGUAGES, WORDS, Answering, plain
from hongyan.model.message import Kind
from hongyan.model.papers import ReviewStatus
from hongyan.model.template import placeholders
from hongyan.store import answerings, answers, templates
from hongyan.store.answers import AnswerRow
from hongyan.store.apps import AppRow
from hongyan.store.snapshots import publish

PAGE_MOST = 500
WORDS_MOST = 50
KEYWORDS_MOST = 100
WORD_LONGEST = 20
NEWEST = 2**63 - 1


class Change(msgspec.Struct, frozen=True):
    """What to change; what is left out stays."""

    languages: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    """Whose usual words are understood: zh, en or both."""
    out_words: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    """All of the application's own words for leaving."""
    in_words: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    """All of its own words for coming back."""
    out_template: int | msgspec.UnsetType | None = msgspec.UNSET
    """The template that tells somebody that they have left; none for no message."""
    in_template: int | msgspec.UnsetType | None = msgspec.UNSET
    keywords: dict[str, int | None] | msgspec.UnsetType = msgspec.UNSET
    """By word the template it is answered with; a word without one is forgotten, one that is not named stays."""


class AppAnswering(msgspec.Struct, frozen=True):
    """As it is in force."""

    app_id: int
    settings: Answering
    leaving: tuple[str, ...]
    """Every word that is understood as a wish to leave."""
    coming_back: tuple[str, ...]


class Answerings:
    """Takes effect within a second."""

    def __init__(self, db: Database, audit: Audit, clock: Callable[[], float]) -> None:
        self._db = db
        self._audit = audit
        self._clock = clock

    async def get(self, actor: Actor, app_id: int) -> AppAnswering:
        demand(actor, Permission.READ)
        async with self._db.connection() as conn:
            await own_app(conn, actor, app_id)
            return _shown(app_id, await answerings.get(conn, app_id))

    async def change(self, actor: Actor, app_id: int, change: Change) -> AppAnswering:
        """All of it or, when one value is refused, nothing."""
        demand(actor, Permission.APPS)
        now = self._clock()
        async with self._db.transaction() as tx:
            app = await own_app(tx, actor, app_id, lock=True)
            before = await answerings.get(tx, app_id)
            settings = _checked(before, change)
            if settings == before:
                return _shown(app_id, before)
            await _may_answer(tx, app, before, settings)
            await answerings.put(tx, app_id, settings, now)
            fields = msgspec.structs.asdict(settings).items()
            told = {name: msgspec.json.encode(value).decode() for name, value in fields if value != getattr(before, name)}
            await self._audit.record(tx, actor, "answering.change", app_id, account_id=app.account_id, detail=told)
            await publish(tx, f"answering of app {app_id} changed", now)
        return _shown(app_id, settings)

    async def sent(self, actor: Actor, app_id: int, *, before_id: int = NEWEST, most: int = 100) -> list[AnswerRow]:
        """What replies of the last month were answered with, the newest first, at most 500."""
        demand(actor, Permission.CONTACTS)
        async with self._db.connection() as conn:
            await own_app(conn, actor, app_id)
            return await answers.page(conn, app_id, before_id=before_id, most=max(1, min(most, PAGE_MOST)))


def _shown(app_id: int, settings: Answering) -> AppAnswering:
    usual = [WORDS[language] for language in settings.languages]
    return AppAnswering(
        app_id=app_id,
        settings=settings,
        leaving=tuple(sorted({*settings.out_words, *(word for words in usual for word in words.out)})),
        coming_back=tuple(sorted({*settings.in_words, *(word for words in usual for word in words.back)})),
    )


def _checked(before: Answering, change: Change) -> Answering:
    fields = {name: value for name, value in msgspec.structs.asdict(change).items() if value is not msgspec.UNSET}
    if "languages" in fields:
        fields["languages"] = _languages(fields["languages"])
    for which in ("out_words", "in_words"):
        if which in fields:
            fields[which] = tuple(dict.fromkeys(_word(word) for word in fields[which]))
            if len(fields[which]) > WORDS_MOST:
                raise _too_many(f"自定义词最多 {WORDS_MOST} 个。", f"An application has at most {WORDS_MOST} words of its own.")
    if "keywords" in fields:
        given = {_word(word): template for word, template in fields["keywords"].items()}
        fields["keywords"] = {word: template for word, template in (before.keywords | given).items() if template is not None}
        if len(fields["keywords"]) > KEYWORDS_MOST:
            raise _too_many(f"关键词最多 {KEYWORDS_MOST} 个。", f"An application has at most {KEYWORDS_MOST} keywords.")
    settings = msgspec.structs.replace(before, **fields)
    _one_meaning(settings)
    return settings


def _languages(given: Sequence[str]) -> tuple[str, ...]:
    if not given or not set(given) <= set(LANGUAGES):
        known = "、".join(LANGUAGES)
        raise ControlError(
            Fault.INVALID,
            f"语言需为 {known} 中的一种或几种：总要有退订的办法。",
            f"The languages are one or more of {', '.join(LANGUAGES)}: there always has to be a way to leave.",
        )
    return tuple(language for language in LANGUAGES if language in given)


def _word(written: str) -> str:
    word = plain(written)
    if not 1 <= len(word) <= WORD_LONGEST or not word.isprintable():
        raise ControlError(
            Fault.INVALID,
            f"“{written[:WORD_LONGEST]}”不能作为词：需为 1 到 {WORD_LONGEST} 个可见字符，首尾的标点不计。",
            f"“{written[:WORD_LONGEST]}” is no word: 1 to {WORD_LONGEST} printable characters, not counting stops around it.",
        )
    return word


def _one_meaning(settings: Answering) -> None:
    """No word may ask for two things."""
    for word in settings.in_words:
        if settings.opts_out(word):
            raise _two_meanings(word)
    for word in settings.keywords:
        if settings.opts_out(word) or settings.opts_in(word):
            raise _two_meanings(word)
    for word in settings.out_words:
        if settings.opts_in(word):
            raise _two_meanings(word)


async def _may_answer(tx: Connection, app: AppRow, before: Answering, after: Answering) -> None:
    """Refuse what no reply could be answered with; what was there before stays as it is."""
    for template_id in (after.out_template, after.in_template):
        if template_id is not None and template_id not in {before.out_template, before.in_template}:
            await _usable(tx, app, template_id, marketing=False)
    for template_id in sorted(set(after.keywords.values()) - set(before.keywords.values())):
        await _usable(tx, app, template_id, marketing=True)


async def _usable(tx: Connection, app: AppRow, template_id: int, *, marketing: bool) -> None:
    template = await templates.get(tx, template_id, account_id=app.account_id)
    if template is None or template.app_id not in {None, app.id}:
        raise not_found(Noun.TEMPLATE, template_id)
    if template.status is not ReviewStatus.APPROVED:
        raise ControlError(
            Fault.WRONG_STATE,
            f"模板 {template_id} 未通过审核：审核通过后再用作答复。",
            f"The template {template_id} is not approved: use it as an answer once it is.",
        )
    if placeholders(template.content) != 0:
        raise ControlError(
            Fault.INVALID,
            f"模板 {template_id} 有变量：答复没有变量值，请用没有变量的模板。",
            f"The template {template_id} has placeholders, and an answer has no values: use one without.",
        )
    if template.kind is Kind.MARKETING and not marketing:
        raise ControlError(
            Fault.NOT_ALLOWED,
            f"模板 {template_id} 是营销短信：不能发给刚退订或恢复的人，请用通知类模板。",
            f"The template {template_id} is marketing, which those who have just left are not sent: use a notice.",
        )


def _two_meanings(word: str) -> ControlError:
    return ControlError(
        Fault.TAKEN,
        f"“{word}”已表示退订或恢复，不能再有别的意思：请换一个词。",
        f"“{word}” already means leaving or coming back: choose another word.",
    )


def _too_many(zh: str, en: str) -> ControlError:
    return ControlError(Fault.TOO_MANY, f"{zh}请先去掉一些。", f"{en} Take some away first.")
