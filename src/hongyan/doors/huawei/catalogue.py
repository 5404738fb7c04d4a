"""Every operation of the management API, by method and path behind /v2/{project_id}/msgsms."""

from typing import Any, NamedTuple

from hongyan.doors.huawei import manage_errors as errors
from hongyan.doors.huawei.manage_errors import Fault
from hongyan.doors.huawei.words.apps import App, AppChanged, AppCount, AppMade, Apps, AppsAsked, AppUpdate, CountAsked, NewApp
from hongyan.doors.huawei.words.common import Nothing
from hongyan.doors.huawei.words.files import File, FileAsked, FileMade, UploadAsked
from hongyan.doors.huawei.words.signatures import Signature, SignatureAsked, SignatureMade, Signatures, SignaturesAsked
from hongyan.doors.huawei.words.templates import (
    CountriesAsked,
    Country,
    Deleted,
    Ids,
    Template,
    TemplateAsked,
    TemplateMade,
    Templates,
    TemplatesAsked,
    Variables,
)

BASE = "/v2/{project_id}/msgsms"
READS, WRITES = 20, 10
"""So many a second an account may ask for; Huawei's own are not documented."""


class Operation(NamedTuple):
    """One thing that can be asked."""

    name: str
    """As the official SDKs call it."""
    method: str
    path: str
    """Behind `BASE`; "{id}" stands for one segment."""
    summary: str
    answer: Any
    query: Any = None
    """The struct of what may stand in the URL."""
    body: Any = None
    """The struct of a JSON body."""
    fixed: Fault = errors.FAILED
    """What is said of something that cannot be done in the state that it is in."""
    file: bool = False
    """The body is a form with a file."""
    status: int = 200

    @property
    def rate(self) -> int:
        return READS if self.method == "GET" else WRITES


OPERATIONS = (
    Operation("create_app", "POST", "/apps", "Make an application, with a key and secret", AppMade, body=NewApp, status=201),
    Operation("list_app_details", "GET", "/apps", "Applications", Apps, query=AppsAsked),
    Operation("show_app", "GET", "/apps/{id}", "An application", App),
    Operation("update_app", "PUT", "/apps/{id}", "Change an application", AppChanged, body=AppUpdate),
    Operation("show_app_count", "GET", "/apps-count", "How many applications there are and may be", AppCount, query=CountAsked),
    Operation("create_signature", "POST", "/signatures", "Apply for a signature", SignatureMade, body=SignatureAsked, status=201),
    Operation("list_signature_details", "GET", "/signatures", "Signatures", Signatures, query=SignaturesAsked),
    Operation("show_signature", "GET", "/signatures/{id}", "A signature", Signature),
    Operation(
        *("update_signature", "PUT", "/signatures/{id}", "Apply for a refused signature again", SignatureMade),
        body=SignatureAsked,
        fixed=errors.SIGNATURE_FIXED,
    ),
    Operation("delete_signature", "DELETE", "/signatures/{id}", "Delete a signature, and the templates for it", Nothing),
    Operation("enable_signature", "PUT", "/signatures/{id}/active", "Ask that a signature be used again", Nothing),
    Operation(*("upload_signature_file", "POST", "/upload-files", "Hand in a file", FileMade), query=UploadAsked, file=True, status=201),
    Operation("show_signature_file", "GET", "/upload-files", "What is known of a file", File, query=FileAsked),
    Operation("create_template", "POST", "/templates", "Apply for a template, or save one", TemplateMade, body=TemplateAsked, status=201),
    Operation("list_template_details", "GET", "/templates", "Templates", Templates, query=TemplatesAsked),
    Operation("delete_templates", "POST", "/templates/batch-delete", "Delete up to 50 templates", Deleted, body=Ids),
    Operation("show_template", "GET", "/templates/{id}", "A template", Template),
    Operation(
        *("update_template", "PUT", "/templates/{id}", "Change, hand in, or stop a template", TemplateMade),
        body=TemplateAsked,
        fixed=errors.TEMPLATE_FIXED,
    ),
    Operation("delete_template", "DELETE", "/templates/{id}", "Delete a template", Nothing),
    # The path is misspelt there, too.
    Operation("list_template_varilable_details", "GET", "/templates/{id}/varilable", "The variables of a template", Variables),
    Operation("list_send_country_details", "GET", "/country", "Where messages abroad can go", list[Country], query=CountriesAsked),
)


def find(method: str, path: str) -> tuple[Operation, str] | None:
    """The operation for a path behind `BASE`, and the id in it; None when there is none."""
    asked = path.split("/")
    for operation in OPERATIONS:
        parts = operation.path.split("/")
        if operation.method == method and len(parts) == len(asked) and all(map(_fits, parts, asked)):
            return operation, next((given for part, given in zip(parts, asked, strict=True) if part == "{id}"), "")
    return None


def _fits(part: str, given: str) -> bool:
    return part == given or (part == "{id}" and bool(given))
