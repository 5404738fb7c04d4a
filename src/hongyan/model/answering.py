"""What a reply asks for: no more messages, messages again, or an answer. Pure."""

import enum
import unicodedata
from collections.abc import Mapping

import msgspec


class Answers(enum.IntEnum):
    """What a message answers, if it does."""

    NOTHING = 0
    REPLY = 1
    """The handset's own text: frequency limits do not count for it, how often a number is answered is bounded by itself."""
    OPT_OUT = 2
    """The same, telling somebody that they have opted out: the only message they are sent."""


class Words(msgspec.Struct, frozen=True):
    """Of one language, as `plain` writes them."""

    out: frozenset[str]
    back: frozenset[str]


WORDS: Mapping[str, Words] = {
    # Those that templates have told people to reply with: T, TD and N until 2024, R since (tencent-v3 section 11, huawei section 5.3).
    "zh": Words(
        frozenset({"T", "TD", "N", "R", "0000", "QX", "退订", "T退订", "TD退订", "N退订", "R退订", "取消订阅", "拒收"}),
        frozenset({"恢复", "恢复订阅", "重新订阅", "HF"}),
    ),
    # As carriers abroad have them understood everywhere.
    "en": Words(
        frozenset({"STOP", "STOPALL", "STOP ALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "OPTOUT", "OPT-OUT", "OPT OUT"}),
        frozenset({"START", "UNSTOP", "SUBSCRIBE", "RESUME"}),
    ),
}
"""By language, what is understood by every application that has the language switched on."""
LANGUAGES = tuple(WORDS)

AROUND = " \t\r\n.。!！,，;；?？\"'“”‘’「」【】[]()（）<>《》"
"""What people put around a word."""


def plain(text: str) -> str:
    """A reply as words are compared: in one width and case, without what stands around it."""
    wide = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).upper())
    return " ".join(wide.split()).strip(AROUND)


class Answering(msgspec.Struct, frozen=True):
    """What an application does with replies; words as `plain` writes them."""

    languages: tuple[str, ...] = LANGUAGES
    """Whose words are understood."""
    out_words: tuple[str, ...] = ()
    """The application's own, beside those of its languages."""
    in_words: tuple[str, ...] = ()
    out_template: int | None = None
    """What tells somebody that they have opted out; None for nothing."""
    in_template: int | None = None
    """What tells somebody that they are sent messages again."""
    keywords: dict[str, int] = {}
    """By word: the template it is answered with."""

    @property
    def heeded(self) -> frozenset[str]:
        """Every word that asks for something."""
        usual = [WORDS[language] for language in self.languages]
        return frozenset({*self.out_words, *self.in_words, *self.keywords}).union(*(words.out | words.back for words in usual))

    def opts_out(self, word: str) -> bool:
        """Whether it asks for no more messages."""
        return word in self.out_words or any(word in WORDS[language].out for language in self.languages)

    def opts_in(self, word: str) -> bool:
        """Whether it asks for messages again."""
        return word in self.in_words or any(word in WORDS[language].back for language in self.languages)


USUAL = Answering()
