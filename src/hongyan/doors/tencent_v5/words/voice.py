"""The calls that ring handsets."""

from typing import Annotated

from msgspec import Meta

from hongyan.doors.tencent_v5.errors import Failure
from hongyan.doors.tencent_v5.schema import Number, Request, Tel, Text, Value, mobile_tail, text


class SendVoice(Request, frozen=True):
    """The four calls that ring a handset."""

    tel: Tel | None = None
    ext: Text = None
    playtimes: Annotated[Number, Meta(description="At most 3.")] = None
    msg: Annotated[Text, Meta(description="sendcvoice: the digits.")] = None
    prompttype: Annotated[Number, Meta(description="sendvoiceprompt: 2.")] = None
    promptfile: Annotated[Text, Meta(description="sendvoiceprompt: the text.")] = None
    tpl_id: Annotated[Number, Meta(description="sendtvoice.")] = None
    params: Annotated[list[Value] | None, Meta(description="sendtvoice.")] = None
    fid: Annotated[Text, Meta(description="sendfvoice: an uploaded file.")] = None

    def tails(self) -> tuple[str, ...] | Failure:
        return mobile_tail(self.tel)


class StatusVoiceFile(Request, frozen=True):
    fid: Text = None

    def tails(self) -> tuple[str, ...] | Failure:
        # Two samples of one page sign it in two ways.
        return (f"&fid={text(self.fid)}", f"&mobile={text(self.fid)}")
