"""Why calls do not reach anybody.

Source: the numbers of Tencent's voice API (documents 382/6532 and 1128/37727, which have no 14 and no 21); the words are ours.
"""

from collections.abc import Mapping

REASONS: Mapping[int, str] = {
    1: "关机",
    2: "通话中",
    3: "不在服务区",
    4: "被叫欠费",
    5: "无应答",
    6: "无法接通",
    7: "停机",
    8: "空号",
    9: "线路忙",
    10: "用户忙",
    11: "其他",
    12: "呼叫受限",
    13: "暂停服务",
    15: "号码不存在",
    16: "来电提醒",
    17: "号码过期",
    18: "网络忙",
    19: "未开通语音业务",
    20: "无人应答",
    22: "系统忙",
    23: "需加拨零",
    24: "号码已改",
    25: "无秘书服务",
    26: "呼叫助理",
    27: "不能接通",
    28: "漏话提醒",
    29: "语音信箱",
    30: "号码错误",
    31: "号码未启用",
}
"""What each code says to a customer."""


def reason(code: int, given: str = "") -> str:
    """What was given, else the words of the code; empty for a code that there is not."""
    return given or REASONS.get(code, "")
