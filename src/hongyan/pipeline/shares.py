"""How many sessions of a link each engine should have. Pure, so that all engines come to the same answer by themselves."""

from collections.abc import Collection, Mapping


def shares(engines: Collection[int], having: Mapping[int, int], sessions: int, *, turn: int, load: Mapping[int, int]) -> dict[int, int]:
    """For each engine its number of sessions: together `sessions`, and nobody has two more than another.

    Those who have most keep most (`having`, by engine), so that no session moves that need not. What cannot be divided goes to those
    with the least `load` (their sessions of all links), and by `turn`, which differs from link to link, to different ones.
    """
    if not engines:
        return {}
    each, odd = divmod(sessions, len(engines))
    order = sorted(engines)
    first = turn % len(order)
    ranked = sorted(order[first:] + order[:first], key=lambda engine: (-having.get(engine, 0), load.get(engine, 0)))
    return {engine: each + (place < odd) for place, engine in enumerate(ranked)}
