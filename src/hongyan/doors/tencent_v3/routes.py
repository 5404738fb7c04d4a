"""The door for programs that speak Tencent Cloud API 3.0 (service sms, versions 2021-01-11 and 2019-07-11).

HTTP status is always 200 and the content type exactly "application/json": the official SDKs lose the error code of any other answer.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple, Protocol, TypeAlias

import structlog

from hongyan.doors.tencent_v3 import auth, errors, schema
from hongyan.doors.tencent_v3.acts.context import Context, Directory
from hongyan.doors.tencent_v3.acts.counts import CountActs, Counts
from hongyan.doors.tencent_v3.acts.papers import PaperActs, Papers
from hongyan.doors.tencent_v3.acts.pulls import PullActs, Pulls
from hongyan.doors.tencent_v3.acts.sends import SendActs, Sends
from hongyan.doors.tencent_v3.auth import Claim, Parts
from hongyan.doors.tencent_v3.catalogue import ACTIONS, CURRENT, OFFLINE, OLDER, Action
from hongyan.doors.tencent_v3.errors import Failure
from hongyan.doors.tencent_v3.schema import Answer, Schema
from hongyan.doors.tencent_v3.words import older
from hongyan.kit.blobs import BlobError
from hongyan.kit.db import UNAVAILABLE
from hongyan.kit.door import Request, Response
from hongyan.model.replay import request_id

log = structlog.get_logger()

AWAY: tuple[type[BaseException], ...] = (BlobError, *UNAVAILABLE)
"""What it looks like when nothing can be stored: the request can be sent again."""

CONTENT_TYPE = b"application/json"

Act: TypeAlias = Callable[[Any, Context], Awaitable[Answer | Failure]]
"""An action: its request in the words of 2021-01-11, and what is known beside it."""


class Rates(Protocol):
    """Who counts requests."""

    async def admit(self, account_id: int, action: str, rate: int) -> bool:
        """Whether the account may ask for this now, of which there may be `rate` requests a second."""
        ...


class Offer(NamedTuple):
    """An action as the door holds it."""

    action: Action
    counted_as: str
    """The name of its rate."""
    reader: Schema[Any]
    act: Act


class TencentV3Door:
    """Takes a request, answers in Tencent's words."""

    def __init__(
        self,
        *,
        directory: Directory,
        send: Sends,
        pulls: Pulls,
        counts: Counts,
        papers: Papers,
        rates: Rates,
        used: Callable[[str, str], None],
        clock: Callable[[], float],
    ) -> None:
        """`used` is told each time a key is used, with the address it was used from."""
        self._directory = directory
        self._rates = rates
        self._used = used
        self._clock = clock
        acts = {
            **_sending(SendActs(directory, send)),
            **_pulling(PullActs(directory, pulls, clock)),
            **_counting(CountActs(directory, counts, clock)),
            **_applying(PaperActs(directory, papers, clock)),
        }
        self._offers: Mapping[str, Mapping[str, Offer]] = {
            version: {
                name: Offer(action, f"{name} {version}", Schema(action.request), _worded(acts[name], version))
                for name, action in actions.items()
            }
            for version, actions in ACTIONS.items()
        }

    async def __call__(self, request: Request) -> Response:
        """The answer to any request; never an exception."""
        claim: Claim | Failure | None = None
        try:
            claim = _claim(request)
            answer = claim if isinstance(claim, Failure) else await self._answer(claim, request)
        except TimeoutError:
            log.warning("request_timed_out", request_id=request.request_id)
            answer = Failure(errors.TIMED_OUT)
        except AWAY as away:
            log.warning("request_without_store", request_id=request.request_id, why=type(away).__name__)
            answer = Failure(errors.AWAY)
        except Exception:
            log.exception("request_failed", request_id=request.request_id, action=claim.action[:64] if isinstance(claim, Claim) else "")
            answer = Failure(errors.INTERNAL)
        if isinstance(answer, Failure):
            language = claim.language if isinstance(claim, Claim) else _language(request)
            version = claim.version if isinstance(claim, Claim) else CURRENT
            fault = errors.OLDER_WORDS.get(answer.fault.code, answer.fault) if version == OLDER else answer.fault
            error = schema.Error(code=fault.code, message=errors.message(fault, answer.detail, language))
            answer = schema.ErrorAnswer(error=error, request_id=request.request_id)
        return Response(schema.encode(answer), CONTENT_TYPE)

    async def _answer(self, claim: Claim, request: Request) -> Answer | Failure:
        offers = self._offers.get(claim.version)
        offer = None if offers is None else offers.get(claim.action)
        if offer is None:
            return _unknown(claim)
        snapshot, now = self._directory.snapshot, self._clock()
        caller = auth.verify(claim, snapshot, now, request.client)
        if isinstance(caller, Failure):
            return caller
        self._used(caller.key_id, request.client)
        permissions, rate = snapshot.keys[caller.key_id].permissions, offer.action.rate
        if offer.action.needs not in permissions:
            return Failure(errors.NOT_AUTHORIZED, f"(sms:{claim.action}) resource (*) has no permission")
        if not await self._rates.admit(caller.account_id, offer.counted_as, rate):
            return Failure(errors.TOO_OFTEN, f"{claim.action} may be asked for {rate} times a second")
        asked = offer.reader.read(claim.form, request.body)
        if isinstance(asked, Failure):
            return asked
        # Whatever is not signed of it, another body is another request.
        number = request_id(claim.secret_id.encode(), _signature(claim), request.query, request.body, at=claim.timestamp)
        return await offer.act(asked, Context(caller, permissions, claim.language, request.request_id, request.client, number))


def _signature(claim: Claim) -> bytes:
    signature = claim.proof.signature
    return signature if isinstance(signature, bytes) else signature.encode()


def _sending(acts: SendActs) -> Mapping[str, Act]:
    return {
        "SendSms": acts.send_sms,
        "SendMultiGlobalSms": acts.send_multi_global_sms,
        "DescribePhoneNumberInfo": acts.describe_phone_number_info,
    }


def _pulling(acts: PullActs) -> Mapping[str, Act]:
    return {
        "PullSmsSendStatus": acts.reports,
        "PullSmsReplyStatus": acts.replies,
        "PullSmsSendStatusByPhoneNumber": acts.reports_of,
        "PullSmsReplyStatusByPhoneNumber": acts.replies_of,
    }


def _counting(acts: CountActs) -> Mapping[str, Act]:
    return {
        "SendStatusStatistics": acts.sends,
        "CallbackStatusStatistics": acts.callbacks,
        "SmsPackagesStatistics": acts.packages,
        "DescribeSendRecordList": acts.records,
        "ReportConversion": acts.conversion,
    }


def _applying(acts: PaperActs) -> Mapping[str, Act]:
    return {
        "AddSmsSign": acts.add_sign,
        "ModifySmsSign": acts.modify_sign,
        "DeleteSmsSign": acts.delete_sign,
        "DescribeSmsSignList": acts.describe_signs,
        "AddSmsTemplate": acts.add_template,
        "ModifySmsTemplate": acts.modify_template,
        "DeleteSmsTemplate": acts.delete_template,
        "DescribeSmsTemplateList": acts.describe_templates,
    }


def _worded(act: Act, version: str) -> Act:
    """The action in the words of its version."""
    if version != OLDER:
        return act

    async def in_older_words(asked: Any, context: Context) -> Answer | Failure:
        answer = await act(older.current(asked), context)
        return answer if isinstance(answer, Failure) else older.rewritten(answer)

    return in_older_words


def _claim(request: Request) -> Claim | Failure:
    if request.method not in {"GET", "POST"}:
        return Failure(errors.UNSUPPORTED_PROTOCOL, f"{request.method} was used")
    if request.too_large:
        return Failure(errors.TOO_LARGE, "a request may have 10 MB")
    return auth.read(Parts(request.method, request.path, request.query, request.headers, request.body))


def _language(request: Request) -> str:
    return request.headers.get(b"x-tc-language", b"").decode("latin-1")


def _unknown(claim: Claim) -> Failure:
    """Why there is nothing to do for this version and action."""
    if not claim.action or not claim.version:
        return Failure(errors.MISSING_PARAMETER, "X-TC-Version" if claim.action else "X-TC-Action")
    if claim.version not in ACTIONS and claim.version not in OFFLINE:
        return Failure(errors.NO_SUCH_VERSION, f"{claim.version[:64]}; this service speaks {' and '.join(ACTIONS)}")
    if claim.action in OFFLINE.get(claim.version, ()):
        return Failure(errors.ACTION_OFFLINE, f"{claim.action} of {claim.version}")
    return Failure(errors.INVALID_ACTION, f"{claim.action[:64]} of {claim.version}")
