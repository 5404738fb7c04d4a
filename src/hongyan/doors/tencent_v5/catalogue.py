"""Every call that is answered, by its path."""

from collections.abc import Sequence
from typing import NamedTuple

from hongyan.doors.tencent_v5 import errors
from hongyan.doors.tencent_v5.errors import Fault
from hongyan.doors.tencent_v5.schema import SMS, VOICE, Answer, Request
from hongyan.doors.tencent_v5.words.counting import EndsAnswer, GetSmsPackages, Packages, PullCallbackStatus, PullSendStatus, SendsAnswer
from hongyan.doors.tencent_v5.words.papers import (
    AddSign,
    AddTemplate,
    DelSign,
    DelTemplate,
    GetSign,
    GetTemplate,
    ModSign,
    ModTemplate,
    SignAnswer,
    SignList,
    TemplateAnswer,
    TemplateList,
)
from hongyan.doors.tencent_v5.words.pulling import PulledReplies, PulledReports, PullStatus, PullStatus4Mobile, Queried, QuerySms4Mobile
from hongyan.doors.tencent_v5.words.sending import Isms, IsmsResult, MultiResult, MultiSms, SendResult, SingleSms
from hongyan.doors.tencent_v5.words.voice import SendVoice, StatusVoiceFile


class Call(NamedTuple):
    """What a call reads, and answers when nothing is wrong."""

    summary: str
    request: type[Request]
    answers: Sequence[type[Answer]]
    rate: int
    """So many a second an account may ask for; v5's own are not known, these are those of API 3.0."""
    invalid: Fault = errors.BAD_PACKAGE
    """What is said of something that cannot be applied for like this."""
    enterprises: bool = False
    """Individuals do it in the console."""


PULLED = (PulledReports, PulledReplies)


def _voice(summary: str, request: type[Request] = SendVoice) -> Call:
    return Call(f"{summary}; not offered yet", request, (), 20)


def _sign(summary: str, request: type[Request], answer: type[Answer], rate: int) -> Call:
    return Call(summary, request, (answer,), rate, errors.SIGNATURE, enterprises=True)


def _template(summary: str, request: type[Request], answer: type[Answer], rate: int) -> Call:
    return Call(summary, request, (answer,), rate, errors.TEMPLATE_FORM, enterprises=True)


CALLS: dict[str, Call] = {
    f"{SMS}sendsms": Call("Send one text to one number", SingleSms, (SendResult,), 3000),
    f"{SMS}sendmultisms2": Call("Send one text to up to 200 numbers", MultiSms, (MultiResult,), 3000),
    f"{SMS}sendisms": Call("Send one text to one number abroad", Isms, (IsmsResult,), 3000),
    f"{SMS}pullstatus": Call("Reports or replies not handed out before, each once", PullStatus, PULLED, 100),
    f"{SMS}pullstatus4mobile": Call("Reports or replies of one number, as often as asked", PullStatus4Mobile, PULLED, 20),
    f"{SMS}querysms4mobile": Call("What one number was sent, and what became of it", QuerySms4Mobile, (Queried,), 20),
    f"{SMS}pullsendstatus": Call("How much was sent", PullSendStatus, (SendsAnswer,), 10),
    f"{SMS}pullcallbackstatus": Call("How what was sent ended", PullCallbackStatus, (EndsAnswer,), 10),
    f"{SMS}getsmspackages": Call("The packages of the application", GetSmsPackages, (Packages,), 10),
    f"{SMS}add_sign": _sign("Apply for a signature", AddSign, SignAnswer, 1),
    f"{SMS}mod_sign": _sign("Change a signature that is pending or was refused", ModSign, SignAnswer, 1),
    f"{SMS}del_sign": _sign("Delete signatures", DelSign, Answer, 1),
    f"{SMS}get_sign": _sign("Signatures and what was decided on them", GetSign, SignList, 20),
    f"{SMS}add_template": _template("Apply for a template", AddTemplate, TemplateAnswer, 2),
    f"{SMS}mod_template": _template("Change a template that is pending or was refused", ModTemplate, TemplateAnswer, 20),
    f"{SMS}del_template": _template("Delete templates", DelTemplate, Answer, 1),
    f"{SMS}get_template": _template("Templates and what was decided on them", GetTemplate, TemplateList, 20),
    f"{VOICE}sendcvoice": _voice("A call that speaks digits"),
    f"{VOICE}sendvoice": _voice("The older name of sendcvoice"),
    f"{VOICE}sendvoiceprompt": _voice("A call that speaks a text"),
    f"{VOICE}sendtvoice": _voice("A call that speaks a template"),
    f"{VOICE}sendfvoice": _voice("A call that plays a file"),
    f"{VOICE}statusvoicefile": _voice("Whether an uploaded file may be played", StatusVoiceFile),
}
"""Every call with a JSON body that is answered, by its path."""
UPLOAD = f"{VOICE}uploadvoicefile"
"""Has the file itself for a body."""
