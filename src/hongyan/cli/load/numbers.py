"""Numbers to send to: each once, scattered as real ones are, and known again when they come back."""

PREFIXES: tuple[int, ...] = (*range(130, 140), *range(150, 154), *range(155, 160), *range(180, 190))
"""Mainland mobile prefixes; none of the simulated handsets (199 0000) is among them."""
_LINE = 100_000_000
SPACE = len(PREFIXES) * _LINE
STEP = 1_618_033_989
"""Prime to `SPACE` and near its golden section, so that neighbours in time are strangers in the index."""
_BACK: int = pow(STEP, -1, SPACE)
_AT: dict[int, int] = {prefix: at * _LINE for at, prefix in enumerate(PREFIXES)}


class Numbers:
    """All mainland numbers of these prefixes in one fixed order that begins at `first` and repeats after `SPACE` of them."""

    def __init__(self, first: int) -> None:
        self._first = first % SPACE

    def national(self, index: int) -> int:
        """The number of 11 digits at a position (0, 1, ...)."""
        at = (self._first + index * STEP) % SPACE
        return PREFIXES[at // _LINE] * _LINE + at % _LINE

    def index(self, phone: str) -> int | None:
        """The position of a number in any spelling that ends with its 11 digits; None when it is not one of these."""
        if not phone[-11:].isdigit():
            return None
        prefix, line = divmod(int(phone[-11:]), _LINE)
        at = _AT.get(prefix)
        if at is None:
            return None
        index: int = (at + line - self._first) * _BACK % SPACE
        return index
