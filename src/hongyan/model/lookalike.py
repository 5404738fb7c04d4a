"""What a reader sees in a text, however it is written.

Full-width, circled and mathematical letters, letters of other alphabets that look Latin, accents, and characters that show nothing at all:
a check that reads the bare characters is passed by every one of them. `PLAIN` is what checks read instead; what is sent stays as it is.
"""

import re
import unicodedata
from collections.abc import Iterator

INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Characters that show nothing or turn the direction of others: default-ignorable ones of Unicode, separators, the blank Braille cell."""

_LATIN = (
    "aᴀɑαаАΑᎪᗅ⍺ꓮ bƄƅьвʙВΒᏏᏴᑲᖯᗷꓐꞴ cсϲᴄⲥСϹᏟꓚꮯ dԁɗᴅᎠᏧᑯᗞᗪꓒꓓ eеҽєεᴇЕΕᎬ℮⋿ⴹꓰꬲ fƒꜰϝքᖴẝꓝꞘꞙꬵ gɡցɢƍԌᏀᏳᶃꓖ hһнʜհНΗᎻᏂᕼⲎꓧ iіιıɩɪІΙᎥ⍳ꙇꭵ "
    "jјϳᴊЈᎫᒍꓙꞲ kкκᴋКΚᏦᛕⲔꓗ lӏǀʟⵏƖᏞᒪᛁꓡ mмᴍМΜϺᎷᗰᛖⲘꓟ nոпηɴΝռⲚꓠ oоοօσᴏⲟОΟᴑⵔꓳꬽჿዐ pрρᴘⲣРΡᏢᑭ⍴ꓑ qԛգզⵕ rгᴦʀᎡᏒᖇⲅꓣꭇꭈꮁ sѕꜱЅՏᏕᏚꓢꮪƽ "
    "tтτᴛТΤᎢ⟙Ⲧꓔ uυսᴜʋሀᑌꓴꞟꭎꭒ vνѵᴠᏙᐯⴸꓦꛟꮩ wѡԝωᴡɯաᎳᏔꓪꮃ xхχХΧᕁᕽ᙭᙮ⲬⵝꓫꞳ yуγʏүɣУΥϒყᎩᎽᶌỿⲨꓬꭚ zᴢΖᏃꓜꮓ"
)
"""For each Latin letter the letters of other alphabets that look like it (Unicode TR 39 has more, of alphabets that no handset shows)."""
_DOTS = "․·•∙⋅・‧ꓸ۔܁܂᛫⸱⸳۰꘎"
_SLASHES = "⁄∕╱⧸丿⟋⁁Ⳇ"
_COLONS = "꞉ː˸∶׃։᛬᠃᠉⁚ꓽ︰"
_AT = "﹫"

_SAME: dict[str, str] = {
    **{other: group[0] for group in _LATIN.split() for other in group[1:]},
    **dict.fromkeys(_DOTS, "."),
    **dict.fromkeys(_SLASHES, "/"),
    **dict.fromkeys(_COLONS, ":"),
    **dict.fromkeys(_AT, "@"),
    # Letters in squares and on black, and those of which flags are made, which NFKC leaves alone.
    **{chr(first + at): chr(ord("a") + at) for first in (0x1F150, 0x1F170, 0x1F1E6) for at in range(26)},
    # Digits on black.
    **{chr(0x2776 + at): str(at + 1) for at in range(9)},
    "丶": ".",
    "｡": "。",
}

_REMEMBERED = 20_000


class Table(dict[int, str]):
    """For str.translate: a character by what `of` makes of it, remembered for as many characters as texts ordinarily have."""

    def __missing__(self, code: int) -> str:
        made = self.of(chr(code))
        if len(self) < _REMEMBERED:
            self[code] = made
        return made

    def of(self, char: str) -> str:
        """The plain form of one character: none, one or several."""
        if INVISIBLE.match(char) is not None:
            return ""
        return "".join(_bare(part) for part in unicodedata.normalize("NFKC", _SAME.get(char, char)))

    def places(self, text: str) -> tuple[str, list[int]]:
        """The plain text, and for each of its characters where it came from."""
        made: list[str] = []
        places: list[int] = []
        for at, char in enumerate(text):
            plain = self[ord(char)]
            made.append(plain)
            places.extend([at] * len(plain))
        return "".join(made), places


def _bare(char: str) -> str:
    """Small, without accents, in Latin where it looks Latin."""
    parts = unicodedata.normalize("NFD", char)
    head, marks = parts[0], parts[1:]
    if unicodedata.category(head) in {"Mn", "Me"}:
        return ""
    bare = head if all(map(unicodedata.combining, marks)) else char
    bare = _SAME.get(bare, bare)
    return "".join(_SAME.get(small, small) for small in bare.casefold())


PLAIN = Table()


def plain(text: str) -> str:
    """The text as links are looked for in it. `。` stays apart from the dot: it usually ends a sentence."""
    return text.translate(PLAIN)


_JOINERS = "\u200c\u200d"
_ALWAYS_BAD = frozenset({"Cc", "Cs", "Co", "Cn"})


def hidden(text: str) -> Iterator[int]:
    """The places of characters that nobody sees, or that turn, end or break the line.

    Joiners and variation selectors within emoji and within scripts that are written with them are none.
    """
    if text.isascii() and text.isprintable():
        return
    for at, char in enumerate(text):
        if unicodedata.category(char) in _ALWAYS_BAD or (INVISIBLE.match(char) is not None and not _joins(text, at)):
            yield at


def _joins(text: str, at: int) -> bool:
    char = text[at]
    before = text[at - 1] if at else ""
    if "\ufe0e" <= char <= "\ufe0f":
        return bool(before) and (_pictured(before) or before in "0123456789#*")
    if char not in _JOINERS or not before or at + 1 == len(text):
        return False
    return _joinable(before) and _joinable(text[at + 1])


def _pictured(char: str) -> bool:
    return unicodedata.category(char) in {"So", "Sk", "Sm"}


def _joinable(char: str) -> bool:
    """Emoji, and letters of the scripts in which a joiner is spelling: Arabic and those of India and its neighbours."""
    return _pictured(char) or char == "\ufe0f" or "\u0600" <= char <= "\u07ff" or "\u0900" <= char <= "\u0dff" or char == "\u2640"


def named(char: str) -> str:
    """A character by number and Unicode's name for it, for people who cannot see it."""
    name = unicodedata.name(char, "")
    return f"U+{ord(char):04X} {name}".rstrip()
