"""The three calls that send."""

from typing import Annotated, TypeAlias

from msgspec import UNSET, Meta, UnsetType

from hongyan.doors.tencent_v5 import errors
from hongyan.doors.tencent_v5.errors import Failure
from hongyan.doors.tencent_v5.schema import DIGITS, NO_MOBILE, Answer, Number, Request, Tel, Text, Value, mobile_tail, number, text
from hongyan.model.phone import parse


class Sending(Request, frozen=True):
    """What all sends share: a template with its values, or a text that must be an approved template's."""

    tpl_id: Annotated[Number, Meta(description="The template; without it the text counts.", extra_json_schema=DIGITS)] = None
    params: Annotated[list[Value] | None, Meta(description="The values of the template's variables, in order.")] = None
    sign: Annotated[Text, Meta(description="An approved signature without its brackets; the first approved one when it is absent.")] = None
    type: Annotated[Number, Meta(description="Of a text: 0 normal, 1 marketing.")] = None
    msg: Annotated[Text, Meta(description="A text that an approved template fits, with 【signature】 in front or without.")] = None
    ext: Annotated[Text, Meta(description="Comes back in the answer, and in reports where that is switched on.")] = None
    extend: Annotated[Text, Meta(description="Digits after the sender's number; to be switched on for the application.")] = None

    def by_template(self) -> bool:
        """Whether a template was named, and not a text given."""
        return number(self.tpl_id) not in {None, 0} or (self.msg is None and self.tpl_id is not None)

    def values(self) -> tuple[str, ...]:
        return tuple([text(value) for value in self.params or ()])


class SingleSms(Sending, frozen=True):
    tel: Tel | None = None

    def numbers(self) -> tuple[Tel, ...]:
        """Whom it is sent to, in order."""
        return () if self.tel is None else (self.tel,)

    def tails(self) -> tuple[str, ...] | Failure:
        return mobile_tail(self.tel)


class MultiSms(Sending, frozen=True):
    tel: Annotated[
        list[Tel] | None, Meta(description="All in mainland China or all abroad.", extra_json_schema={"minItems": 1, "maxItems": 200})
    ] = None

    def numbers(self) -> tuple[Tel, ...]:
        return tuple(self.tel or ())

    def tails(self) -> tuple[str, ...] | Failure:
        if not self.tel or any(tel.mobile is None for tel in self.tel):
            return NO_MOBILE
        return ("&mobile=" + ",".join([tel.number for tel in self.tel]),)


class Isms(Sending, frozen=True):
    tel: Annotated[Text, Meta(description="+<country code><number>")] = None

    def numbers(self) -> tuple[Tel, ...]:
        found = parse(text(self.tel))
        return (Tel(text(self.tel).lstrip("+")[:3], "") if found is None else Tel(str(found.country_code), found.national),)

    def tails(self) -> tuple[str, ...] | Failure:
        written = text(self.tel)
        if not written:
            return Failure(errors.BAD_PACKAGE, "cannot get /tel")
        # The page for templates shows a sig over the number alone, as the calls for the mainland have it.
        [tel] = self.numbers()
        return (f"&tel={written}", f"&mobile={tel.number}") if tel.number else (f"&tel={written}",)


Send: TypeAlias = SingleSms | MultiSms | Isms


class SendResult(Answer, frozen=True):
    ext: str
    fee: int
    sid: str


class IsmsResult(SendResult, frozen=True):
    nationcode: str


class Detail(Answer, frozen=True):
    """One number of many; without fee and sid when it was refused."""

    mobile: str
    nationcode: str
    fee: int | UnsetType = UNSET
    sid: str | UnsetType = UNSET


class MultiResult(Answer, frozen=True):
    ext: str
    detail: list[Detail]
