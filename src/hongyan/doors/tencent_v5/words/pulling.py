"""What became of messages: reports, replies, what one number was sent."""

import re
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from hongyan.doors.tencent.callbacks import Report, UserReply
from hongyan.doors.tencent_v5 import errors
from hongyan.doors.tencent_v5.errors import Failure
from hongyan.doors.tencent_v5.schema import Answer, Number, Request, Text, text


class PullStatus(Request, frozen=True):
    """Whatever is waiting, once."""

    type: Annotated[Number, Meta(description="0 reports, 1 replies.")] = None
    max: Annotated[Number, Meta(description="1 to 100.")] = None


class PullStatus4Mobile(PullStatus, frozen=True):
    """One number's, any number of times."""

    nationcode: Text = None
    mobile: Text = None
    begin_time: Annotated[Number, Meta(description="Unix seconds.")] = None
    end_time: Annotated[Number, Meta(description="Unix seconds.")] = None


class QuerySms4Mobile(Request, frozen=True):
    """What one number was sent."""

    nationcode: Text = None
    mobile: Text = None
    begin_time: Annotated[Number, Meta(description="Unix seconds.")] = None
    end_time: Annotated[Number, Meta(description="Unix seconds.")] = None

    def tails(self) -> tuple[str, ...] | Failure:
        if self.mobile is None:
            return Failure(errors.BAD_PACKAGE, "cannot get /mobile")
        return (f"&mobile={text(self.mobile)}",)


class PulledReports(Answer, frozen=True):
    count: int
    data: list[Report]


class PulledReplies(Answer, frozen=True):
    count: int
    data: list[UserReply]


class Record(Answer, frozen=True):
    """A message of querysms4mobile; a refused one has nothing behind its type, and where a text is empty nothing is known yet."""

    nationcode: str
    mobile: str
    sign: str
    text: str
    send_time: str
    type: int
    sid: str | UnsetType = UNSET
    user_receive_time: str | UnsetType = UNSET
    report_status: str | UnsetType = UNSET
    status: str | UnsetType = UNSET
    description: str | UnsetType = UNSET


class Queried(Answer, frozen=True):
    real_count: int
    truncated: int
    data: list[Record]


_RUN = re.compile(r"[0-9]+")
LONGEST_SHOWN = 100


def masked(body: str) -> str:
    """A text as querysms4mobile shows it: of each row of digits the first and the last alone, and no more than 100 characters."""
    hidden = _RUN.sub(lambda run: run[0] if len(run[0]) < 3 else f"{run[0][0]}{'*' * (len(run[0]) - 2)}{run[0][-1]}", body)  # noqa: PLR2004 - first, last and something between
    return hidden if len(hidden) <= LONGEST_SHOWN else hidden[:LONGEST_SHOWN] + "..."
