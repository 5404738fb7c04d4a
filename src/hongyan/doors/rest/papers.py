"""What an account applies for: documents, qualifications, signatures, templates; and what would be said against it."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from hongyan.control import lint
from hongyan.control.documents import Documents
from hongyan.control.plane import ControlPlane
from hongyan.control.qualifications import Qualifications
from hongyan.control.signatures import Signatures
from hongyan.control.templates import Templates
from hongyan.doors.rest.apps import account_of
from hongyan.doors.rest.auth import Asks
from hongyan.doors.rest.fields import Body, Id, OneAccount, PathId
from hongyan.doors.rest.inputs import body_of, struct_from
from hongyan.doors.rest.paging import Cursor, Limit, after, page
from hongyan.doors.rest.problems import language
from hongyan.doors.rest.resource import Operation, page_of, router
from hongyan.doors.rest.views import shown, view_of
from hongyan.model.papers import QualificationDraft, QualificationStatus, ReviewStatus, SignatureDraft, TemplateDraft
from hongyan.model.snapshot import Scope
from hongyan.model.text import billed

OF: Any = {"account_id": (Id | None, Field(default=None, description="Whose; the operator has to name it."))}
DocumentView = view_of(Documents.get, "Document", leave_out=("sha256", "place"))
QualificationView = view_of(Qualifications.get, "Qualification")
SignatureView = view_of(Signatures.get, "Signature")
SignatureRowView = view_of(Signatures.add, "SignatureAsAppliedFor")
TemplateView = view_of(Templates.get, "Template", leave_out=("submitted",))
UrgedView = view_of(Templates.urge, "Urged", leave_out=("facts", "claimed_by", "claimed_name", "decided_by", "decided_name"))
NewQualification: Any = body_of(QualificationDraft, "NewQualification", **OF)
NewSignature: Any = body_of(SignatureDraft, "NewSignature", **OF)
NewTemplate: Any = body_of(TemplateDraft, "NewTemplate", leave_out=("submitted",), **OF)
Submit = Annotated[bool, Query(description="Hand it in; otherwise it is saved as a draft.")]
About = Annotated[str, Query(max_length=1_000, description="What it is, for the reviewer.")]
FileName = Annotated[str, Query(min_length=1, max_length=200, description="What the file is called.")]
InStatus = Annotated[ReviewStatus | None, Query(alias="status", description="Only in this status.")]


class Supplement(Body):
    qualification_id: Id


class Alias(Body):
    alias: Annotated[str, Field(max_length=32)] = Field(description="Unique in the account; empty for none.")


class FindingView(BaseModel):
    """One thing that is wrong, or that a reviewer may ask about."""

    code: str
    refuses: bool = Field(description="It cannot be submitted like this; otherwise it is advice.")
    detail: str = Field(description="What, by which rule, and what to do.")
    at: int | None = Field(description="Where in the text, from 0.")


class Linted(BaseModel):
    """What would be said against a draft; nothing is kept."""

    good: bool
    findings: list[FindingView]
    segments: int = Field(description="What a message would be charged as without signature and values; 0 for a signature.")


def routes(control: ControlPlane) -> APIRouter:
    """Everything under /documents, /qualifications, /signatures, /templates."""
    files, firms = DocumentPaths(control.documents), QualificationPaths(control.qualifications)
    names, texts = SignaturePaths(control), TemplatePaths(control)
    return router(
        "papers",
        "",
        [
            Operation("GET", "/documents", "listDocuments", files.page, "Documents", page_of(DocumentView), also=(404,)),
            Operation("POST", "/documents", "addDocument", files.add, "Hand one in", DocumentView, 201, (404, 409, 413)),
            Operation("GET", "/documents/{document_id}", "getDocument", files.get, "One of them", DocumentView, also=(404,)),
            Operation("GET", "/documents/{document_id}/content", "readDocument", files.read, "Its bytes", str, also=(404,), text=ANY),
            Operation("DELETE", "/documents/{document_id}", "deleteDocument", files.delete, "Delete it", also=(404, 409)),
            Operation("GET", "/qualifications", "listQualifications", firms.page, "Them", page_of(QualificationView), also=(404,)),
            Operation("POST", "/qualifications", "addQualification", firms.add, "Apply for one", QualificationView, 201, (404, 409)),
            Operation("GET", "/qualifications/{id}", "getQualification", firms.get, "One of them", QualificationView, also=(404,)),
            Operation("PUT", "/qualifications/{id}", "changeQualification", firms.change, "Again", QualificationView, also=(404, 409)),
            Operation("DELETE", "/qualifications/{id}", "deleteQualification", firms.delete, "Delete it", also=(404, 409)),
            Operation("POST", "/qualifications/{id}/urge", "urgeQualification", firms.urge, "Urge it", UrgedView, also=(404, 409, 429)),
            Operation("GET", "/signatures", "listSignatures", names.page, "Signatures", page_of(SignatureView), also=(404,)),
            Operation("POST", "/signatures", "addSignature", names.add, "Apply for one", SignatureRowView, 201, (404, 409)),
            Operation("POST", "/signatures/lint", "lintSignature", names.lint, "What would be said against it", Linted, also=(404,)),
            Operation("GET", "/signatures/{id}", "getSignature", names.get, "One of them", SignatureView, also=(404,)),
            Operation("PUT", "/signatures/{id}", "changeSignature", names.change, "Again", SignatureRowView, also=(404, 409)),
            Operation("DELETE", "/signatures/{id}", "deleteSignature", names.delete, "Delete it", also=(404, 409)),
            Operation("POST", "/signatures/{id}/urge", "urgeSignature", names.urge, "Urge it", UrgedView, also=(404, 409, 429)),
            Operation("POST", "/signatures/{id}/activate", "activateSignature", names.activate, "Use it again", SignatureRowView,
                      also=(404, 409)),
            Operation("POST", "/signatures/{id}/qualification", "supplementSignature", names.supplement, "Let it rest on one",
                      SignatureRowView, also=(404, 409)),
            Operation("GET", "/templates", "listTemplates", texts.page, "Templates", page_of(TemplateView), also=(404,)),
            Operation("POST", "/templates", "addTemplate", texts.add, "Apply for one", TemplateView, 201, (404, 409)),
            Operation("POST", "/templates/lint", "lintTemplate", texts.lint, "What would be said against it", Linted, also=(404,)),
            Operation("GET", "/templates/{id}", "getTemplate", texts.get, "One of them", TemplateView, also=(404,)),
            Operation("PUT", "/templates/{id}", "changeTemplate", texts.change, "Again", TemplateView, also=(404, 409)),
            Operation("PUT", "/templates/{id}/alias", "nameTemplate", texts.name, "Another id", TemplateView, also=(404, 409)),
            Operation("DELETE", "/templates/{id}", "deleteTemplate", texts.delete, "Delete it", also=(404, 409)),
            Operation("POST", "/templates/{id}/stop", "stopTemplate", texts.stop, "Take it out of use", TemplateView, also=(404, 409)),
            Operation("POST", "/templates/{id}/urge", "urgeTemplate", texts.urge, "Urge it", UrgedView, also=(404, 409, 429)),
        ],
    )  # fmt: skip


ANY = "application/octet-stream"


class DocumentPaths:
    """The endpoints under /documents."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    async def page(self, asks: Asks, account_id: OneAccount = None, cursor: Cursor = None, limit: Limit = 50) -> Any:
        found = await self._documents.page(asks, account_id=account_id, after_id=after(cursor), most=limit + 1)
        return page(found, limit, lambda document: document.id, lambda document: shown(document, DocumentView))

    async def add(self, asks: Asks, request: Request, name: FileName, account_id: OneAccount = None, about: About = "") -> Any:
        """The body is the file: a JPEG or PNG picture or a PDF of at most 5 MiB, told apart by its content."""
        added = await self._documents.add(asks, account_of(asks, account_id), name, await request.body(), about)
        return shown(added, DocumentView)

    async def get(self, asks: Asks, document_id: PathId) -> Any:
        return shown(await self._documents.get(asks, document_id), DocumentView)

    async def read(self, asks: Asks, document_id: PathId) -> Response:
        """A download, never a page."""
        found = await self._documents.read(asks, document_id)
        headers = {"content-disposition": f'attachment; filename="document-{document_id}"', "x-content-type-options": "nosniff"}
        return Response(found.content, media_type=ANY, headers=headers)

    async def delete(self, asks: Asks, document_id: PathId) -> None:
        """Only while nothing rests on it."""
        await self._documents.delete(asks, document_id)


class QualificationPaths:
    """The endpoints under /qualifications."""

    def __init__(self, qualifications: Qualifications) -> None:
        self._qualifications = qualifications

    async def page(
        self,
        asks: Asks,
        account_id: OneAccount = None,
        status: QualificationStatus | None = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Any:
        found = await self._qualifications.page(asks, account_id=account_id, status=status, after_id=after(cursor), most=limit + 1)
        return page(found, limit, lambda row: row.id, lambda row: shown(row, QualificationView))

    async def add(self, asks: Asks, wanted: NewQualification) -> Any:
        draft = struct_from(QualificationDraft, wanted)
        return shown(await self._qualifications.add(asks, account_of(asks, wanted.account_id), draft), QualificationView)

    async def get(self, asks: Asks, id: PathId) -> Any:  # noqa: A002 - as the path has it
        return shown(await self._qualifications.get(asks, id), QualificationView)

    async def change(self, asks: Asks, id: PathId, wanted: NewQualification) -> Any:  # noqa: A002 - as get
        """Hand it in again; an approved one stays good as it is until the change is decided."""
        draft = struct_from(QualificationDraft, wanted)
        return shown(await self._qualifications.change(asks, id, draft), QualificationView)

    async def delete(self, asks: Asks, id: PathId) -> None:  # noqa: A002 - as get
        await self._qualifications.delete(asks, id)

    async def urge(self, asks: Asks, id: PathId) -> Any:  # noqa: A002 - as get
        """At most once an hour."""
        return shown(await self._qualifications.urge(asks, id), UrgedView)


class SignaturePaths:
    """The endpoints under /signatures."""

    def __init__(self, control: ControlPlane) -> None:
        self._lint = control.linting
        self._signatures = control.signatures

    async def page(
        self, asks: Asks, account_id: OneAccount = None, in_status: InStatus = None, cursor: Cursor = None, limit: Limit = 50
    ) -> Any:
        found = await self._signatures.page(asks, account_id=account_id, status=in_status, after_id=after(cursor), most=limit + 1)
        return page(found, limit, lambda found: found.row.id, lambda found: shown(found, SignatureView))

    async def add(self, asks: Asks, wanted: NewSignature) -> Any:
        draft = struct_from(SignatureDraft, wanted)
        return shown(await self._signatures.add(asks, account_of(asks, wanted.account_id), draft), SignatureRowView)

    async def lint(self, asks: Asks, wanted: NewSignature, request: Request) -> Linted:
        """As `addSignature` would look at it; nothing is kept."""
        draft = struct_from(SignatureDraft, wanted)
        return _linted(await self._lint.signature(asks, account_of(asks, wanted.account_id), draft), language(request), 0)

    async def get(self, asks: Asks, id: PathId) -> Any:  # noqa: A002 - as the path has it
        return shown(await self._signatures.get(asks, id), SignatureView)

    async def change(self, asks: Asks, id: PathId, wanted: NewSignature) -> Any:  # noqa: A002 - as get
        """Its scope stays; approved ones cannot be changed unless their filing failed."""
        draft = struct_from(SignatureDraft, wanted)
        return shown(await self._signatures.change(asks, id, draft), SignatureRowView)

    async def delete(self, asks: Asks, id: PathId) -> None:  # noqa: A002 - as get
        await self._signatures.delete(asks, id)

    async def urge(self, asks: Asks, id: PathId) -> Any:  # noqa: A002 - as get
        """At most once an hour."""
        return shown(await self._signatures.urge(asks, id), UrgedView)

    async def activate(self, asks: Asks, id: PathId) -> Any:  # noqa: A002 - as get
        """Ask that an inactive one be used again."""
        return shown(await self._signatures.activate(asks, id), SignatureRowView)

    async def supplement(self, asks: Asks, id: PathId, wanted: Supplement) -> Any:  # noqa: A002 - as get
        """For one that was approved without a qualification; it stays in use meanwhile."""
        return shown(await self._signatures.supplement(asks, id, wanted.qualification_id), SignatureRowView)


class TemplatePaths:
    """The endpoints under /templates."""

    def __init__(self, control: ControlPlane) -> None:
        self._lint = control.linting
        self._templates = control.templates

    async def page(
        self, asks: Asks, account_id: OneAccount = None, in_status: InStatus = None, cursor: Cursor = None, limit: Limit = 50
    ) -> Any:
        found = await self._templates.page(asks, account_id=account_id, status=in_status, after_id=after(cursor), most=limit + 1)
        return page(found, limit, lambda row: row.id, lambda row: shown(row, TemplateView))

    async def add(self, asks: Asks, wanted: NewTemplate, submit: Submit = True) -> Any:
        draft = struct_from(TemplateDraft, wanted)
        return shown(await self._templates.add(asks, account_of(asks, wanted.account_id), draft, submit=submit), TemplateView)

    async def lint(self, asks: Asks, wanted: NewTemplate, request: Request) -> Linted:
        """As `addTemplate` would look at it; nothing is kept."""
        draft = struct_from(TemplateDraft, wanted)
        found = await self._lint.template(asks, account_of(asks, wanted.account_id), draft)
        return _linted(found, language(request), billed(draft.content, mainland=draft.scope is Scope.MAINLAND))

    async def get(self, asks: Asks, id: PathId) -> Any:  # noqa: A002 - as the path has it
        return shown(await self._templates.get(asks, id), TemplateView)

    async def change(self, asks: Asks, id: PathId, wanted: NewTemplate, submit: Submit = True) -> Any:  # noqa: A002 - as get
        """Its scope stays; of what is approved nothing but the name can be changed."""
        draft = struct_from(TemplateDraft, wanted)
        return shown(await self._templates.change(asks, id, draft, submit=submit), TemplateView)

    async def stop(self, asks: Asks, id: PathId) -> Any:  # noqa: A002 - as get
        """For an approved one: it can be changed then, and handed in again."""
        return shown(await self._templates.stop(asks, id), TemplateView)

    async def name(self, asks: Asks, id: PathId, wanted: Alias) -> Any:  # noqa: A002 - as get
        """By which a program that was written for another platform knows it; it is not reviewed."""
        return shown(await self._templates.name(asks, id, wanted.alias), TemplateView)

    async def delete(self, asks: Asks, id: PathId) -> None:  # noqa: A002 - as get
        await self._templates.delete(asks, id)

    async def urge(self, asks: Asks, id: PathId) -> Any:  # noqa: A002 - as get
        """At most once an hour."""
        return shown(await self._templates.urge(asks, id), UrgedView)


def _linted(findings: list[lint.Finding], lang: str, segments: int) -> Linted:
    told = [
        FindingView(code=found.code.value, refuses=found.refuses, detail=found.en if lang == "en" else found.zh, at=found.at)
        for found in findings
    ]
    return Linted(good=not any(found.refuses for found in findings), findings=told, segments=segments)
