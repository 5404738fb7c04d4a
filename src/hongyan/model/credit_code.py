"""The unified social credit code of Chinese organisations (GB 32100-2015)."""

LETTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""31 characters: I, O, S, V and Z are not used."""
LENGTH = 18
_WEIGHTS = tuple(pow(3, place, 31) for place in range(LENGTH - 1))


def check_letter(body: str) -> str:
    """The last character that belongs to the first 17."""
    total = sum(LETTERS.index(letter) * weight for letter, weight in zip(body, _WEIGHTS, strict=True))
    return LETTERS[-total % len(LETTERS)]


def is_credit_code(text: str) -> bool:
    """18 characters of the alphabet, the last of which agrees with the others."""
    return len(text) == LENGTH and all(letter in LETTERS for letter in text) and check_letter(text[:-1]) == text[-1]
