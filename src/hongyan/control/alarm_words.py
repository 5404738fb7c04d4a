"""What alarms say: letters, messages and web hooks, in both languages. Pure."""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import msgspec

from hongyan.model.alarm import REVIEWS, AlarmKind
from hongyan.model.billing import FEN, yuan
from hongyan.model.protection import SHANGHAI
from hongyan.model.snapshot import Scope
from hongyan.store.alarms import AlarmRow
from hongyan.store.notices import NoticeRow

ITEMS_MOST = 20
"""What happened is told one by one up to here; beyond it only the count says how much there was."""
TEST = "test"


class Letter(msgspec.Struct, frozen=True):
    subject: str
    text: str


def _sms(zh: str, en: str) -> dict[Scope, str]:
    return {Scope.MAINLAND: zh, Scope.INTERNATIONAL: en}


SMS: Mapping[str, Mapping[Scope, str]] = {
    "review": _sms(
        "审核结果：应用{1}有{2}项申请已审核，其中{3}项通过，详情请见控制台。",
        "Review: {2} applications of app {1} were decided, {3} of them approved. See the console.",
    ),
    AlarmKind.TRAFFIC: _sms(
        "发送量告警：应用{1}今日已发送{2}条，告警值为{3}条，请检查是否被刷。",
        "Traffic alarm: app {1} has sent {2} messages today, its alarm value is {3}. Check whether somebody is flooding.",
    ),
    AlarmKind.FREQUENCY: _sms(
        "频率告警：应用{1}有{2}次发送被限制拦截，请检查是否被刷。",
        "Frequency alarm: {2} messages of app {1} were refused by limits. Check whether somebody is flooding.",
    ),
    AlarmKind.BALANCE: _sms(
        "余量告警：应用{1}的套餐包还剩{2}条，告警值为{3}条，请及时购买。",
        "Balance alarm: the packages of app {1} have {2} segments left, the alarm value is {3}. Buy in time.",
    ),
    AlarmKind.CALLBACK: _sms(
        "回调告警：应用{1}有{2}个回调地址连续失败，已暂停推送，恢复后自动补推。",
        "Callback alarm: {2} addresses of app {1} keep failing and are paused. What is owed to them waits until they are well again.",
    ),
    "expiry": _sms(
        "到期提醒：应用{1}的套餐包{2}还剩{3}条，将在{4}天内到期，请及时使用。",
        "Expiry: package {2} of app {1} has {3} segments left and expires within {4} days. Use it in time.",
    ),
    "frozen": _sms(
        "套餐包提醒：应用{1}的套餐包{2}账目正在核对，暂停使用，剩余{3}条，请留意其余套餐包余量。",
        "Package {2} of app {1} with {3} segments left is not used while its books are looked into. Watch what is left in others.",
    ),
    "bill": _sms(
        "账单提醒：账单{1}应付{2}元{3}分，请在{4}月{5}日{6}时前付款，逾期将停止发送。",
        "Bill {1}: pay {2} yuan {3} fen before {6}:00 on day {5} of month {4} (Beijing time), or sending stops.",
    ),
    TEST: _sms("告警测试：应用{1}的告警联系人设置有效。", "This is a test: the alarm contact of app {1} works."),
}
"""Templates for alarms by message, by kind of alarm (all reviews share one). Values are digits: no rule about values bites them."""

SUBJECTS: Mapping[str, tuple[str, str]] = {
    AlarmKind.SIGNATURE: ("签名审核结果", "Signature reviewed"),
    AlarmKind.TEMPLATE: ("模板审核结果", "Template reviewed"),
    AlarmKind.QUALIFICATION: ("资质审核结果", "Qualification reviewed"),
    AlarmKind.TRAFFIC: ("发送量告警", "Traffic alarm"),
    AlarmKind.FREQUENCY: ("频率限制告警", "Frequency alarm"),
    AlarmKind.BALANCE: ("套餐包余量告警", "Balance alarm"),
    AlarmKind.CALLBACK: ("回调告警", "Callback alarm"),
    TEST: ("告警测试", "Test of an alarm contact"),
}

TRAFFIC_OF = {
    "": ("今日", "messages today"),
    "+": ("今日（国际/港澳台）", "messages abroad today"),
    "CN": ("今日（国内）", "mainland messages today"),
}


HITS: Mapping[str, tuple[str, str]] = {
    "same_content": ("1 分钟内相同内容", "same content within a minute"),
    "limit_30_seconds": ("1 分钟内上限", "limit of up to a minute"),
    "limit_hour": ("1 小时内上限", "limit of up to an hour"),
    "limit_day": ("1 天内上限", "limit of up to a day"),
    "same_content_day": ("1 天内相同内容", "same content within a day"),
}
"""What refused, by the names of `model.reject.Reject`."""


def gathered(notices: Sequence[NoticeRow]) -> dict[str, object]:
    """The facts of an alarm that tells of all these: the newest of them, and sums of what can be added."""
    if notices[0].kind is AlarmKind.FREQUENCY:
        sums: Counter[str] = Counter()
        for notice in notices:
            sums.update({name: int(hits) for name, hits in notice.facts.items()})
        return {"items": [dict(sums)], "hits": sums["hits"]}
    facts: dict[str, object] = {"items": [notice.facts for notice in notices[-ITEMS_MOST:]]}
    if notices[0].kind in REVIEWS:
        facts["approved"] = sum(bool(notice.facts.get("approved")) for notice in notices)
    return facts


def sms_of(alarm: AlarmRow) -> tuple[str, tuple[str, ...]]:
    """Which template of SMS tells it, and the values."""
    app, last, facts = str(alarm.app_id or 0), _last(alarm), alarm.facts
    match alarm.kind:
        case AlarmKind.TRAFFIC:
            return alarm.kind, (app, str(last.get("sent", 0)), str(last.get("value", 0)))
        case AlarmKind.BALANCE:
            return _balance_sms(app, last)
        case AlarmKind.FREQUENCY:
            return alarm.kind, (app, str(facts.get("hits", alarm.happened)))
        case AlarmKind.CALLBACK:
            return alarm.kind, (app, str(alarm.happened))
        case kind if kind in REVIEWS:
            return "review", (app, str(alarm.happened), str(facts.get("approved", 0)))
    return TEST, (app,)


def _balance_sms(app: str, item: Mapping[str, object]) -> tuple[str, tuple[str, ...]]:
    if "bill" in item:
        yuan_, fen = divmod(int(str(item["total_milli"])) // FEN, 100)
        stops = dt.datetime.fromtimestamp(float(str(item["stops_at"])), SHANGHAI)
        return "bill", tuple(map(str, (item["bill"], yuan_, fen, stops.month, stops.day, stops.hour)))
    if "package" not in item:
        return AlarmKind.BALANCE, (app, str(item.get("left", 0)), str(item.get("value", 0)))
    about = (app, str(item["package"]), str(item.get("left", 0)))
    return ("frozen", about) if "frozen" in item else ("expiry", (*about, str(item.get("days", 0))))


def letter(alarm: AlarmRow, app_name: str, *, english: bool) -> Letter:
    """For a person; times are those of Asia/Shanghai."""
    subject = SUBJECTS[alarm.kind][english]
    of_app = f"“{app_name}” ({alarm.app_id})" if alarm.app_id else ""
    where = (f"Application: {of_app}" if english else f"应用：{of_app}") if of_app else ""
    count = "" if alarm.happened == 1 else (f", {alarm.happened} times" if english else f"，共 {alarm.happened} 次")
    lines = [
        where,
        *(LINES.get(alarm.kind, _review_line)(item, english=english) for item in _items(alarm)),
        _when(alarm, english=english) + count,
    ]
    if len(_items(alarm)) < alarm.happened and alarm.kind in REVIEWS:
        lines.append("The newest are told, see the console for all." if english else "只列出最近的几项，全部结果请见控制台。")
    signed = "Hongyan" if english else "鸿雁"
    return Letter(f"[{signed}] {subject}", "\n".join(line for line in lines if line) + "\n")


def payload(alarm: AlarmRow, app_name: str, *, english: bool) -> str:
    """For a program: a JSON object of standardwebhooks.com's shape."""
    data = {
        "account_id": alarm.account_id,
        "app_id": alarm.app_id,
        "kind": alarm.kind,
        "happened": alarm.happened,
        "first_at": _iso(alarm.first_at),
        "last_at": _iso(alarm.last_at),
        "text": letter(alarm, app_name, english=english).text,
        **alarm.facts,
    }
    return msgspec.json.encode({"type": f"alarm.{alarm.kind}", "timestamp": _iso(alarm.last_at), "data": data}).decode()


def decision(alarm: AlarmRow) -> str:
    """For the review callback: one decision."""
    data = {"account_id": alarm.account_id, "app_id": alarm.app_id, "kind": alarm.kind, **_last(alarm)}
    return msgspec.json.encode({"type": "review.decided", "timestamp": _iso(alarm.last_at), "data": data}).decode()


def event(notice: NoticeRow) -> tuple[str, str]:
    """For a program that is told of everything: the type of an event and what happened, a JSON object."""
    type_ = "review.decided" if notice.kind in REVIEWS else f"alarm.{notice.kind}"
    data = {"account_id": notice.account_id, "app_id": notice.app_id, "kind": notice.kind, **notice.facts}
    return type_, msgspec.json.encode(data).decode()


def _items(alarm: AlarmRow) -> list[dict[str, object]]:
    items = alarm.facts.get("items", [])
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _last(alarm: AlarmRow) -> dict[str, object]:
    return next(reversed(_items(alarm)), {})


def _traffic_line(item: Mapping[str, object], *, english: bool) -> str:
    what = TRAFFIC_OF.get(str(item.get("region", "")), (f"今日（{item.get('region')}）", f"messages to {item.get('region')} today"))
    if english:
        return f"{item.get('sent')} {what[1]}, the alarm value is {item.get('value')}."
    return f"{what[0]}已发送 {item.get('sent')} 条，告警值 {item.get('value')} 条。"


def _frequency_line(item: Mapping[str, object], *, english: bool) -> str:
    told = ", ".join(f"{HITS.get(name, (name, name))[english]} {hits}" for name, hits in item.items() if name != "hits")
    return f"{item.get('hits')} refused ({told})" if english else f"被限制拦截 {item.get('hits')} 次（{told}）"


def _bill_line(item: Mapping[str, object], *, english: bool) -> str:
    total, stops = yuan(int(str(item["total_milli"]))), dt.datetime.fromtimestamp(float(str(item["stops_at"])), SHANGHAI)
    if english:
        return f"Bill {item['bill']}: {total} CNY is to be paid. Unless it is, nothing is sent from {stops:%Y-%m-%d %H:%M} on."
    return f"账单 {item['bill']} 应付 {total} 元，{stops:%Y-%m-%d %H:%M} 前未付清将停止发送。"


def _balance_line(item: Mapping[str, object], *, english: bool) -> str:
    if "bill" in item:
        return _bill_line(item, english=english)
    if "package" in item:
        return _package_line(item, english=english)
    if english:
        of = f"{item.get('scope')}, for marketing" if item.get("kind") == "marketing" else item.get("scope")
        return f"{item.get('left')} segments left ({of}), the alarm value is {item.get('value')}."
    where = "国内" if item.get("scope") == "mainland" else "国际/港澳台"
    what = "套餐包可用于营销的条数" if item.get("kind") == "marketing" else "套餐包"
    return f"{where}{what}还剩 {item.get('left')} 条，告警值 {item.get('value')} 条。"


def _callback_line(item: Mapping[str, object], *, english: bool) -> str:
    if english:
        return f"{item.get('url')} failed {item.get('failures')} times and is paused ({item.get('error')}). It resumes by itself."
    return f"{item.get('url')} 连续失败 {item.get('failures')} 次，已暂停（{item.get('error')}）。恢复后自动继续推送。"


def _package_line(item: Mapping[str, object], *, english: bool) -> str:
    which, left = item["package"], item.get("left")
    if "frozen" in item:
        if english:
            return f"Package {which} ({left} segments left) is not used while its books are looked into."
        return f"套餐包 {which}（剩余 {left} 条）账目正在核对，暂停使用。"
    end = dt.datetime.fromtimestamp(float(str(item.get("expires_at", 0))), SHANGHAI).strftime("%Y-%m-%d %H:%M")
    return (
        f"Package {which} expires at {end} with {left} segments left." if english else f"套餐包 {which} 将于 {end} 到期，还剩 {left} 条。"
    )


def _review_line(item: Mapping[str, object], *, english: bool) -> str:
    name, approved = item.get("name", ""), bool(item.get("approved"))
    reasons = str(item.get("reasons_en" if english else "reasons") or item.get("reasons") or "")
    if english:
        return f"“{name}” was {'approved' if approved else 'rejected'}" + (f": {reasons}" if reasons else ".")
    return f"“{name}”{'已通过' if approved else '未通过'}" + (f"：{reasons}" if reasons else "。")


LINES: Mapping[str, Callable[..., str]] = {
    AlarmKind.TRAFFIC: _traffic_line,
    AlarmKind.FREQUENCY: _frequency_line,
    AlarmKind.BALANCE: _balance_line,
    AlarmKind.CALLBACK: _callback_line,
}
"""What happened in a line, by kind; of all others a review's."""


def _when(alarm: AlarmRow, *, english: bool) -> str:
    first, last = (dt.datetime.fromtimestamp(at, SHANGHAI).strftime("%Y-%m-%d %H:%M") for at in (alarm.first_at, alarm.last_at))
    span = last if first == last else f"{first} - {last}"
    return f"Time: {span}" if english else f"时间：{span}"


def _iso(at: float) -> str:
    return dt.datetime.fromtimestamp(at, dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
