"""A message's timeline as a table."""

import time

from hongyan.cli.output import Terminal
from hongyan.control.records import Timeline


def print_timeline(terminal: Terminal, timeline: Timeline, title: str = "") -> None:
    """What happened, with the milliseconds since it was accepted; a JSON object for programs."""
    if terminal.json:
        terminal.show(timeline)
        return
    began = timeline.entries[0].at if timeline.entries else 0.0
    rows = [
        {
            "time": time.strftime("%H:%M:%S", time.localtime(entry.at)) + f".{int(entry.at % 1 * 1000):03d}",
            "after": f"+{(entry.at - began) * 1000:.0f} ms",
            "step": terminal.t(entry.step.value),
            "what": entry.zh if terminal.lang == "zh" else entry.en,
        }
        for entry in timeline.entries
    ]
    status = terminal.t(timeline.status.name.lower())
    terminal.table(rows, ("time", "after", "step", "what"), title=f"{title or timeline.phone}  {status} {timeline.code}")
