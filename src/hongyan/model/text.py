"""Texts on the air: alphabets, segments."""

import enum


class Alphabet(enum.IntEnum):
    """The coding of a segment."""

    GSM7 = 0
    UCS2 = 8
