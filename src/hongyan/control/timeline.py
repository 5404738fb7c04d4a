"""What happened to a message, in order, in words: made of the rows that are there of it. Pure."""

import datetime as dt
import enum
from collections.abc import Iterator, Sequence

import msgspec

from hongyan.kit.db import Row
from hongyan.model.message import VALIDITY_S, Kind, Status
from hongyan.model.protection import SHANGHAI
from hongyan.store.outbox import Callback
from hongyan.store.queue import ASLEEP


class Step(enum.Enum):
    """What can happen to a message."""

    ASKED = "asked"
    REFUSED = "refused"
    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    WAITING = "waiting"
    ATTEMPTED = "attempted"
    DOUBTFUL = "doubtful"
    RESOLVED = "resolved"
    SUBMITTED = "submitted"
    RECEIPT = "receipt"
    SETTLED = "settled"
    CALLBACK = "callback"
    PULLED = "pulled"
    REPLIED = "replied"


class Entry(msgspec.Struct, frozen=True):
    """One thing that happened."""

    at: float
    """Unix seconds."""
    step: Step
    zh: str
    en: str


class Timeline(msgspec.Struct, frozen=True):
    """One message from its promise to its end."""

    message_id: int
    app_id: int
    phone: str
    kind: Kind
    segments: int
    status: Status
    code: str
    entries: tuple[Entry, ...]


class Rows(msgspec.Struct, frozen=True):
    """Everything that is kept of one message."""

    message: Row
    """With its queue entry, settlement and event (store.records.message)."""
    segments: Sequence[Row]
    reports: Sequence[Row]
    suspects: Sequence[Row]
    replies: Sequence[Row]


def timeline(rows: Rows, phone: str) -> Timeline:
    """The message from its promise to its end; `phone` as whoever asks may see it."""
    row = rows.message
    entries = [
        Entry(unix(row["accepted_at"]), Step.ACCEPTED, f"已受理，计费 {row['segments']} 条", f"accepted, {row['segments']} segment(s)"),
        *_begin(row),
        *_queue(row),
        *(_submitted(segment) for segment in rows.segments),
        *(_receipt(report) for report in rows.reports),
        *(entry for suspect in rows.suspects for entry in _suspect(suspect)),
        *_ending(row),
        *_told(row),
        *(Entry(unix(reply["received_at"]), Step.REPLIED, "收到回复", "the handset replied") for reply in rows.replies),
    ]
    return Timeline(
        message_id=row["id"],
        app_id=row["app_id"],
        phone=phone,
        kind=Kind(row["kind"]),
        segments=row["segments"],
        status=Status(row["status"]) if row["status"] else (Status.SUBMITTED if rows.segments else Status.ACCEPTED),
        code=row["code"] or "",
        entries=tuple(sorted(entries, key=lambda entry: entry.at)),
    )


def unix(moment: dt.datetime) -> float:
    """Unix seconds."""
    return moment.timestamp()


def begins_at(row: Row) -> float:
    """From when on a message may be sent: validity begins then."""
    return max(unix(row["accepted_at"]), unix(row["expires_at"]) - VALIDITY_S[Kind(row["kind"])])


def _begin(row: Row) -> Iterator[Entry]:
    begins = begins_at(row)
    if begins > unix(row["accepted_at"]):
        when = f"{dt.datetime.fromtimestamp(begins, SHANGHAI):%Y-%m-%d %H:%M}"
        yield Entry(
            unix(row["accepted_at"]),
            Step.DEFERRED,
            f"受理时在营销时段之外，推迟到北京时间 {when} 起发送",
            f"accepted outside the hours of marketing, sent from {when} (Asia/Shanghai) on",
        )


def _queue(row: Row) -> Iterator[Entry]:
    if row["queued"] is None:
        return
    if row["held_at"] is not None:
        yield Entry(unix(row["held_at"]), Step.WAITING, "含敏感词，等待人工审核", "has a suspicious word and waits for a reviewer")
        return
    if row["attempted_at"] is not None:
        yield Entry(unix(row["attempted_at"]), Step.ATTEMPTED, "已交给通道，等待应答", "handed to a link, no answer yet")
    elif row["owner"] == ASLEEP:
        yield Entry(unix(row["not_before"]), Step.WAITING, "将从此时起发送", "sent from this time on")
    elif unix(row["not_before"]) > begins_at(row):
        yield Entry(unix(row["not_before"]), Step.WAITING, "退回队列，将在此时重试", "back in the queue, tried again from this time on")
    else:
        yield Entry(begins_at(row), Step.WAITING, "在队列中等待通道", "waits in the queue for a link")


def _submitted(segment: Row) -> Entry:
    part = f"{segment['sequence']}/{segment['total']}"
    return Entry(
        unix(segment["submitted_at"]),
        Step.SUBMITTED,
        f"第 {part} 段已被通道 {segment['link']} 接收，编号 {segment['carrier_id']}",
        f"segment {part} taken by link {segment['link']} as {segment['carrier_id']}",
    )


def _receipt(report: Row) -> Entry:
    text = f"{report['sequence']}: {report['code']}"
    return Entry(unix(report["done_at"]), Step.RECEIPT, f"第 {text}", f"segment {text}")


def _suspect(suspect: Row) -> Iterator[Entry]:
    yield Entry(
        unix(suspect["lost_at"]),
        Step.DOUBTFUL,
        f"第 {suspect['sequence']} 段的应答丢失（{suspect['why']}），运营商可能已接收",
        f"the answer to segment {suspect['sequence']} was lost ({suspect['why']}); the carrier may have taken it",
    )
    if suspect["resolution"] is not None:
        zh, en = RESOLUTIONS[suspect["resolution"]]
        yield Entry(unix(suspect["resolved_at"]), Step.RESOLVED, zh, en)


RESOLUTIONS: dict[str, tuple[str, str]] = {
    "answered": ("迟到的应答确认了结果", "a late answer settled it"),
    "receipt": ("状态报告确认运营商已接收", "a receipt showed that the carrier had taken it"),
    "not written": ("确认未写出，已放回队列", "nothing had been written; it went back to the queue"),
    "resent": ("再次发送，可能重复", "sent once more, possibly a duplicate"),
    "unwanted": ("号码已退订，不再重发", "the number has opted out; it is not sent again"),
    "unknown": ("没有确认，不再重发", "no confirmation came; it is not sent again"),
}


ENDS: dict[Status, str] = {
    Status.UNKNOWN: "未确认",
    Status.DELIVERED: "已送达",
    Status.FAILED: "失败",
    Status.EXPIRED: "已过期",
}
REPORTED_LATE_S = 1.0


def _ending(row: Row) -> Iterator[Entry]:
    if row["status"] is None:
        return
    status = Status(row["status"])
    said = row["ended_by"] is not None and unix(row["settled_at"]) - unix(row["done_at"]) > REPORTED_LATE_S
    if said:
        yield Entry(
            unix(row["done_at"]), Step.RECEIPT, f"运营商称此时结束：{row['code']}", f"the carrier says that it ended now: {row['code']}"
        )
    charge = {None: ("预留保留", "reserve kept"), 0: ("未计费", "not charged")}.get(
        row["charged"], (f"计费 {row['charged']} 条", f"charged {row['charged']} segment(s)")
    )
    zh, en = f"{ENDS[status]}：{row['code']}，{charge[0]}", f"{status.name.lower()}: {row['code']}, {charge[1]}"
    yield Entry(unix(row["settled_at"]), Step.SETTLED, zh, en)


def _told(row: Row) -> Iterator[Entry]:
    if row["callback"] == Callback.DONE:
        tries = row["callback_attempts"]
        yield Entry(unix(row["callback_at"]), Step.CALLBACK, f"回调成功（第 {tries} 次）", f"callback delivered at attempt {tries}")
    elif row["callback"] == Callback.DEAD:
        error = row["last_error"]
        yield Entry(unix(row["due_at"]), Step.CALLBACK, f"回调放弃：{error}", f"callback given up: {error}")
    elif row["callback"] in {Callback.DUE, Callback.ELSEWHERE}:
        error = row["last_error"] or "-"
        yield Entry(unix(row["due_at"]), Step.CALLBACK, f"回调待发送（上次：{error}）", f"callback due at this time (last: {error})")
    if row["pulled_at"] is not None:
        yield Entry(unix(row["pulled_at"]), Step.PULLED, "已被拉取", "handed out by the pull API")
