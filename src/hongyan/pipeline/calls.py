"""What is posted for some bundles, in which order, and what it means for each of them that some of it was taken. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, TypeVar

import msgspec

from hongyan.kit.http import Answer, Failed
from hongyan.model.callback import CallbackRequest, Recipient
from hongyan.model.event import NoticeEvent, Part, ReplyEvent, ReportEvent, VoiceEvent
from hongyan.model.message import Dialect
from hongyan.pipeline.pulls import report_events
from hongyan.store.outbox import Bundle


class Renderer(Protocol):
    """A dialect's words for events."""

    TOGETHER: int
    """Small bundles are told together up to so many events; 1 keeps each by itself, so that a repeat is the same request."""
    PARTS: bool
    """Segments are told one by one."""

    def reports(self, recipient: Recipient, events: Sequence[ReportEvent], /) -> list[CallbackRequest]:
        """Requests to be made one after the other; the events are for one address."""
        ...

    def reply(self, recipient: Recipient, event: ReplyEvent, /) -> list[CallbackRequest]: ...

    def taken(self, status: int, body: bytes, /) -> bool:
        """Whether the answer says that the events were taken."""
        ...

    def expected(self) -> str:
        """What `taken` asks for, in words."""
        ...


class NoticeRenderer(Renderer, Protocol):
    """The native words, which know events beside messages too."""

    def notice(self, recipient: Recipient, event: NoticeEvent, /) -> list[CallbackRequest]: ...


class VoiceRenderer(Renderer, Protocol):
    """Words that know calls."""

    def voice(self, recipient: Recipient, events: Sequence[VoiceEvent], /) -> list[CallbackRequest]:
        """Requests to be made one after the other; the events are of one call, in their order."""
        ...


Words = TypeVar("Words", bound=Renderer)


class Chain(msgspec.Struct, frozen=True):
    """Requests that follow each other, and the bundles whose events they tell in this order."""

    renderer: Renderer
    bundles: tuple[Bundle, ...]
    requests: tuple[CallbackRequest, ...]

    @property
    def events(self) -> int:
        """How many it tells."""
        return sum(len(bundle.ids) - bundle.told for bundle in self.bundles)


class Told(msgspec.Struct, frozen=True):
    """How far a chain came."""

    through: int = 0
    """So many of its events were taken."""
    requests: int = 0
    """So many of its requests were: an event may need several."""
    why_not: str | None = None
    """What stopped it, in words for the customer; None when all were taken or the time was over."""


def words_of(renderers: Mapping[Dialect, Words], *, native: bool) -> Mapping[Dialect, Words]:
    """The words for messages of each dialect, where the application may want the native ones for all."""
    return dict.fromkeys(renderers, renderers[Dialect.NATIVE]) if native else renderers


def together(bundles: Sequence[Bundle], renderers: Mapping[Dialect, Renderer]) -> list[list[Bundle]]:
    """Small bundles of one dialect and address share a chain, as far as they fit."""
    chains: list[list[Bundle]] = []
    room: dict[tuple[int, str], int] = {}
    open_: dict[tuple[int, str], list[Bundle]] = {}
    for bundle in bundles:
        where = (bundle.dialect, bundle.url)
        if room.get(where, 0) < len(bundle.ids) - bundle.told:
            open_[where] = []
            room[where] = renderers[Dialect(bundle.dialect)].TOGETHER
            chains.append(open_[where])
        open_[where].append(bundle)
        room[where] -= len(bundle.ids) - bundle.told
    return chains


def of_reports(
    bundles: Sequence[Bundle],
    renderer: Renderer,
    recipient: Recipient,
    *,
    app_id: int,
    context: bool,
    parts: Mapping[int, tuple[Part, ...]],
) -> Chain:
    """What tells the reports of these bundles that were not told yet; `parts` are of messages with several segments."""
    events = [event for bundle in bundles for event in report_events(app_id, bundle, context=context)[bundle.told :]]
    if parts:
        events = [msgspec.structs.replace(e, parts=parts[e.message_id]) if e.message_id in parts else e for e in events]
    return Chain(renderer, tuple(bundles), tuple(renderer.reports(recipient, events)))


def of_reply(bundle: Bundle, renderer: Renderer, recipient: Recipient, event: ReplyEvent) -> Chain:
    """What tells a reply."""
    return Chain(renderer, (bundle,), tuple(renderer.reply(recipient, event)))


def of_notice(app_id: int, bundle: Bundle, renderer: NoticeRenderer, recipient: Recipient) -> Chain:
    """What tells an event beside messages; `store.outbox.put_notice` says what is where."""
    assert bundle.reports is not None  # noqa: S101 - only replies have none
    told = bundle.reports
    event = NoticeEvent(app_id=app_id, event_id=bundle.id, type=told.codes[0], at=told.ends[0], data=told.contexts[0])
    return Chain(renderer, (bundle,), tuple(renderer.notice(recipient, event)))


def of_voice(bundle: Bundle, renderer: VoiceRenderer, recipient: Recipient) -> Chain:
    """What tells the facts of a call that were not told yet; `store.outbox.put_voice` says what is where."""
    assert bundle.reports is not None  # noqa: S101 - only replies have none
    events = [msgspec.json.decode(fact, type=VoiceEvent) for fact in bundle.reports.contexts[bundle.told :]]
    return Chain(renderer, (bundle,), tuple(renderer.voice(recipient, events)))


def long_messages(bundles: Sequence[Bundle], renderers: Mapping[Dialect, Renderer]) -> list[int]:
    """Of which messages the single segments are asked for."""
    return [
        message_id
        for bundle in bundles
        if bundle.reports is not None and renderers[Dialect(bundle.dialect)].PARTS
        for message_id, segments in zip(bundle.ids, bundle.reports.segments, strict=True)
        if segments > 1
    ]


def shared_out(chain: Chain, through: int) -> Iterator[tuple[Bundle, int]]:
    """How many of the events of each bundle are told now, from the first on."""
    for bundle in chain.bundles:
        here = min(through, len(bundle.ids) - bundle.told)
        through -= here
        yield bundle, bundle.told + here


def refusal(renderer: Renderer, answer: Answer | Failed) -> str | None:
    """Why the events were not taken, in words for the customer; None when they were."""
    if isinstance(answer, Failed):
        return answer.reason
    return None if renderer.taken(answer.status, answer.body) else f"HTTP {answer.status}; expected {renderer.expected()}"
