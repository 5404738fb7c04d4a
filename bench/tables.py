"""The side-by-side run as Markdown: medians over the rounds, and the ratio to Hongyan."""

import statistics
from collections.abc import Callable
from typing import Any

from peers.ours import NAME

LOADS = {
    "single": "One number a request, as fast as it goes",
    "fixed": "One number a request, at a fixed rate",
    "bulk": "200 numbers a request, as fast as it goes",
}
NOT_THE_PRODUCT = frozenset({"load", "receiver", "simulator", "platform"})
NONE = "-"

Figures = dict[str, Any]


def _quantiles(name: str) -> Callable[[Figures], str]:
    return lambda figures: f"{_ms(figures[name]['p50'])} / {_ms(figures[name]['p99'])}" if name in figures else NONE


def _count(name: str) -> Callable[[Figures], str]:
    return lambda figures: f"{figures[name]:,.0f}" if name in figures else NONE


COLUMNS: tuple[tuple[str, Callable[[Figures], str]], ...] = (
    ("accepted /s", _count("accepted_per_s")),
    ("at the carrier /s", _count("submitted_per_s")),
    ("callbacks /s", _count("callbacks_per_s")),
    ("**sustained /s**", lambda figures: f"**{figures['delivered_per_s']:,.0f}**"),
    ("request to carrier p50 / p99, ms", _quantiles("accept_to_carrier_ms")),
    ("request to callback p50 / p99, ms", _quantiles("request_to_callback_ms")),
    ("CPU us a message", _count("cpu_us")),
    ("memory MiB", _count("memory")),
    ("lost", lambda figures: f"{figures['waiting']:,.0f} still wait" if "waiting" in figures else _count("lost")(figures)),
    ("not reported", _count("untold")),
)


def medians(results: list[dict[str, Any]]) -> dict[str, dict[str, Figures]]:
    """By load and product: each figure's median over the rounds, `rounds`, and `ratio`, sustained messages relative to Hongyan's."""
    found: dict[str, dict[str, Figures]] = {}
    for load in LOADS:
        runs: dict[str, list[Figures]] = {}
        for one in results:
            if one["load"] == load:
                runs.setdefault(one["peer"], []).append(_summed(one["figures"]))
        if runs:
            found[load] = {peer: {**_median(figures), "rounds": len(figures)} for peer, figures in runs.items()}
    for by_peer in found.values():
        ours = by_peer.get(NAME, {}).get("delivered_per_s")
        for figures in by_peer.values():
            figures["ratio"] = round(figures["delivered_per_s"] / ours, 2) if ours else None
    return found


def markdown(results: list[dict[str, Any]]) -> str:
    """A table for each load, and what each product leaves undone."""
    labels = {one["peer"]: one["label"] for one in reversed(results)}
    order = sorted(labels, key=lambda peer: (peer != NAME, [one["peer"] for one in results].index(peer)))
    parts = []
    for load, by_peer in medians(results).items():
        lines = [f"{LOADS[load]}:", "", _row(["", "of Hongyan", *(title for title, _ in COLUMNS)])]
        lines.append("| --- |" + " --- |" * (len(COLUMNS) + 1))
        for peer in order:
            if peer in by_peer:
                figures = by_peer[peer]
                ratio = NONE if figures["ratio"] is None else f"{figures['ratio']:.2f}"
                lines.append(_row([labels[peer], ratio, *(show(figures) for _, show in COLUMNS)]))
        parts.append("\n".join(lines))
    without = {one["peer"]: one["without"] for one in results if one.get("without")}
    if without:
        lines = ["What Hongyan does for the same message and they do not:", ""]
        parts.append("\n".join([*lines, *(f"- {labels[peer]}: {without[peer]}" for peer in order if peer in without)]))
    failed = {one["peer"]: one["why"] for one in results if one["load"] is None}
    if failed:
        parts.append("\n".join(["Not measured:", "", *(f"- {labels[peer]}: {why}" for peer, why in failed.items())]))
    return "\n\n".join(parts)


def _summed(figures: Figures) -> Figures:
    """With what the product's processes need together."""
    return figures | {
        "cpu_us": sum(us for name, us in figures["cpu_us_per_message"].items() if name not in NOT_THE_PRODUCT),
        "memory": sum(mib for name, mib in figures["memory_mib"].items() if name not in NOT_THE_PRODUCT),
    }


def _median(runs: list[Figures]) -> Figures:
    """Of each number that all runs have, at any depth."""
    found: Figures = {}
    for name, value in runs[0].items():
        values = [run[name] for run in runs if name in run]
        if isinstance(value, dict):
            found[name] = _median([each for each in values if isinstance(each, dict)])
        elif all(isinstance(each, int | float) for each in values):
            found[name] = statistics.median(values)
    return found


def _ms(value: float | None) -> str:
    if value is None:
        return NONE
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"
