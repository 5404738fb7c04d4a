"""A client of Hongyan's native API.

    from hongyan.client import Hongyan

    with Hongyan("http://127.0.0.1:8080", secret_id, secret_key) as hongyan:
        sent = hongyan.send(app_id=1400000001, template_id=1000001, to=["+8613800000000"], params=["385204", "5"], sign_name="鸿雁")
        print(hongyan.message(sent.results[0].message_id).status)

`AsyncHongyan` has the same methods to be awaited. What the platform refuses is raised as `Problem`, with its stable `code`; what could not
be asked as `Unreachable`. A send that got no answer is asked again under the same idempotency key, so that it happens once.
"""

from hongyan.client.asynchronous import AsyncHongyan
from hongyan.client.synchronous import Hongyan
from hongyan.client.values import (
    App,
    Cause,
    Entry,
    Explanation,
    FieldFault,
    Finding,
    Glance,
    Inquiry,
    Linted,
    NewKey,
    Page,
    Problem,
    RawCode,
    Recipient,
    Result,
    Review,
    Schedule,
    Sent,
    Signature,
    Taken,
    Template,
    Timeline,
    Unreachable,
)

__all__ = [
    "App",
    "AsyncHongyan",
    "Cause",
    "Entry",
    "Explanation",
    "FieldFault",
    "Finding",
    "Glance",
    "Hongyan",
    "Inquiry",
    "Linted",
    "NewKey",
    "Page",
    "Problem",
    "RawCode",
    "Recipient",
    "Result",
    "Review",
    "Schedule",
    "Sent",
    "Signature",
    "Taken",
    "Template",
    "Timeline",
    "Unreachable",
]
