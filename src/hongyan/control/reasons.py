"""Why reviewers say no: by code, what the applicant is told and what to do about it."""

from collections.abc import Mapping, Sequence

from hongyan.control.errors import ControlError, Fault
from hongyan.model.papers import ReviewKind

Words = tuple[str, str]

COMMON: dict[str, Words] = {
    "unreadable": (
        "资料模糊、缺页或无法打开，请重新上传清晰完整的原件。",
        "The papers cannot be read: upload clear and complete originals.",
    ),
    "forged": ("资料疑似经过修改，请提供真实有效的资料。", "The papers seem to have been altered: hand in genuine ones."),
    "expired": ("资料已过有效期，请提供有效期内的资料。", "The papers have expired: hand in valid ones."),
    "other": ("详见审核意见。", "See the reviewer's note."),
}
ON_PAPERS: dict[str, Words] = {
    "mismatch": (
        "填写的内容与资料的主体不一致，请检查错别字或更换对应的资料。",
        "What was written differs from the papers: look for typing errors, or hand in the papers of that company.",
    ),
    "no_authorisation": (
        "代他人申请需要对方盖章的授权委托书，请补充。",
        "To apply on behalf of another, their stamped letter of authorisation is needed: hand it in.",
    ),
    "bad_authorisation": (
        "授权委托书缺少盖章、日期或与主体不符，请按模板重新出具。",
        "The letter of authorisation lacks a stamp or date, or names another company: have it made again.",
    ),
}
BY_KIND: Mapping[ReviewKind, dict[str, Words]] = {
    ReviewKind.QUALIFICATION: COMMON
    | ON_PAPERS
    | {
        "wrong_code": ("统一社会信用代码与证照不一致。", "The credit code is not the one on the licence."),
        "not_found": ("未查询到该企业或其状态异常。", "The company cannot be found, or is not in good standing."),
    },
    ReviewKind.SIGNATURE: COMMON
    | ON_PAPERS
    | {
        "neutral": ("中性化签名：看不出所属的公司或个人，建议使用公司名称。", "A neutral name does not say who sends: use the company's."),
        "not_online": ("未查询到该应用、网站、公众号或小程序，未上线请用公司名称申请。",
                       "The app, web site or account cannot be found: until it is online apply under the company's name."),
        "no_trademark": ("未查询到该商标或不在有效期内。", "The trademark cannot be found or is not valid."),
        "no_qualification": ("所用资质未通过审核。", "The qualification it rests on was not approved."),
        "forbidden": ("暂不支持该行业或名称的签名。", "Signatures of this trade or name are not supported."),
    },
    ReviewKind.TEMPLATE: COMMON
    | {
        "forbidden": ("暂不支持发送此类短信，请检查是否含有违禁内容。", "Such messages are not supported: look for forbidden content."),
        "wrong_kind": ("短信类型与内容不符，营销内容请申请营销类模板。", "The kind does not fit: what advertises is marketing."),
        "unclear": ("内容简短或变量过多，无法判断用途：请在备注里写出完整示例和场景。",
                    "What it is for is unclear: write a full example and where it is used into the remark."),
        "variables": ("变量用法不规范：变量不能相邻，也不能代替整句。", "Placeholders may not touch, nor stand for sentences."),
        "link": ("链接未备案或不能放在变量里：请把已备案的网址写进固定文字。",
                 "The link is not registered or is in a variable: write a registered address into the fixed text."),
        "no_opt_out": ("营销短信需写明退订方式。", "Marketing must say how to opt out."),
    },
    ReviewKind.ACCOUNT: COMMON | ON_PAPERS | {
        "not_found": ("未查询到该企业或个人的信息。", "The company or person cannot be found."),
    },
}  # fmt: skip
"""For each kind of review the reasons there are."""


def checked(kind: ReviewKind, codes: Sequence[str], note: str) -> tuple[str, ...]:
    """The codes, each once. Raises when one is unknown, or when neither code nor note says why."""
    known = BY_KIND[kind]
    for code in codes:
        if code not in known:
            raise ControlError(
                Fault.INVALID,
                f"没有驳回原因 {code}，可用的是 {'、'.join(known)}。",
                f"There is no reason {code}; there are {', '.join(known)}.",
            )
    if not note and (not codes or set(codes) == {"other"}):
        raise ControlError(
            Fault.INVALID,
            f"驳回要写明原因：请选择 {'、'.join(known)}，或写审核意见。",
            f"A refusal needs a reason: choose from {', '.join(known)}, or write a note.",
        )
    return tuple(dict.fromkeys(codes))


def told(kind: ReviewKind, codes: Sequence[str], note: str) -> Words:
    """What the applicant reads, in Chinese and in English; empty when there is nothing to say. The note stays in the reviewer's words."""
    known = BY_KIND[kind]
    told_codes = [code for code in codes if code in known and not (code == "other" and note)]
    zh, en = ([known[code][which] for code in told_codes] for which in (0, 1))
    return ("".join([*zh, note]), " ".join([*en, note] if note else en))
