"""What happened to a message, and what explains it, as tables."""

import time
from collections.abc import Sequence

from hongyan.cli.output import Terminal
from hongyan.control.explain import CauseFound
from hongyan.control.records import Explanation, Inquiry
from hongyan.control.timeline import Entry, Timeline

REFUSED = "refused"
MINUTES_S = 100.0
"""What takes longer is told in seconds."""


def print_timeline(terminal: Terminal, timeline: Timeline, title: str = "") -> None:
    """What happened, with the milliseconds since it was accepted; a JSON object for programs."""
    if terminal.json:
        terminal.show(timeline)
        return
    status = terminal.t(timeline.status.name.lower())
    _print_hops(terminal, timeline.entries, f"{title or timeline.phone}  {status} {timeline.code}")


def print_explanation(terminal: Terminal, explanation: Explanation) -> None:
    """Its hops, what explains it with what to do, and the raw codes; a JSON object for programs."""
    if terminal.json:
        terminal.show(explanation)
        return
    status = terminal.t(REFUSED if explanation.status is None else explanation.status.name.lower())
    which = f"{explanation.message_id or '-'}  {explanation.phone}  {status} {explanation.code}"
    _print_causes(terminal, explanation.causes, which)
    _print_hops(terminal, explanation.hops, terminal.t("What happened"))
    if explanation.codes:
        chinese = terminal.lang == "zh"
        rows = [
            {"code": raw.code, "stage": terminal.t(raw.stage), "segment": raw.segment or "-", "what": raw.zh if chinese else raw.en}
            for raw in explanation.codes
        ]
        terminal.table(rows, ("code", "stage", "segment", "what"), title="Raw codes, for support")
    if explanation.taken:
        rows = [
            {"segment": f"{taken.sequence}/{taken.total}", "link": taken.link, "carrier_id": taken.carrier_id}
            for taken in explanation.taken
        ]
        terminal.table(rows, ("segment", "link", "carrier_id"), title="What carriers call it, for support")


def print_inquiry(terminal: Terminal, inquiry: Inquiry) -> None:
    """Everything that a number was to be sent of late, explained; a JSON object for programs."""
    if terminal.json:
        terminal.show(inquiry)
        return
    for explanation in inquiry.explanations:
        print_explanation(terminal, explanation)
    if inquiry.causes:
        _print_causes(terminal, inquiry.causes, inquiry.phone)


def _print_causes(terminal: Terminal, causes: Sequence[CauseFound], title: str) -> None:
    chinese = terminal.lang == "zh"
    rows = [
        {
            "why": each.zh if chinese else each.en,
            "seen": each.note_zh if chinese else each.note_en,
            "do": each.do_zh if chinese else each.do_en,
            "who": each.who.value,
        }
        for each in causes
    ]
    terminal.table(rows, ("why", "seen", "do", "who"), title=title)


def _print_hops(terminal: Terminal, entries: Sequence[Entry], title: str) -> None:
    began = next((entry.at for entry in entries), 0.0)
    days = {time.strftime("%Y-%m-%d", time.localtime(entry.at)) for entry in entries}
    form = "%H:%M:%S" if len(days) == 1 else "%Y-%m-%d %H:%M:%S"
    rows = [
        {
            "time": time.strftime(form, time.localtime(entry.at)) + f".{int(entry.at % 1 * 1000):03d}",
            "after": _after(entry.at - began),
            "step": terminal.t(entry.step.value),
            "what": entry.zh if terminal.lang == "zh" else entry.en,
        }
        for entry in entries
    ]
    terminal.table(rows, ("time", "after", "step", "what"), title=title)


def _after(seconds: float) -> str:
    return f"+{seconds * 1000:.0f} ms" if seconds < MINUTES_S else f"+{seconds:.0f} s"
