"""The pages of agreements: the list, one agreement, a difference, and handing in a signature."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Path, Query, Request, Response
from fastapi.responses import RedirectResponse

from athena.platform.kernel.browser import BrowserSessions, make_templates, render
from athena.platform.kernel.clock import show_time
from athena.platform.kernel.errors import ConflictError, InvalidInputError, RefusedError
from athena.platform.kernel.identity import Role, Subject
from athena.policies.agreements.checks import pick
from athena.policies.agreements.document import AgreementDocument
from athena.policies.agreements.life import Agreements
from athena.policies.agreements.schemas import agreement_view, overviews, version_view
from athena.policies.agreements.signing import DetachedSignature, canonical, check_document
from athena.policies.decisions.reasons import Obligation

Name = Annotated[str, Path(max_length=40)]
Number = Annotated[int | None, Query(ge=1, le=2_147_483_647)]

COLOURS = {
    "draft": "grey",
    "out_for_signature": "yellow",
    "in_force": "green",
    "suspended": "red",
}


def show_day(day: date) -> str:
    """Return a day as people write it."""
    return f"{day.day} {day:%B %Y}"


def words(code: str) -> str:
    """Return a code as words, such as "out for signature"."""
    return code.replace("_", " ")


_templates = make_templates("athena.policies.agreements")
_templates.filters["day"] = show_day
_templates.filters["moment"] = show_time
_templates.filters["words"] = words
_templates.filters["obligation"] = {code.value: code.sentence for code in Obligation}.__getitem__
_templates.globals["colours"] = COLOURS


def make_router(agreements: Agreements, sessions: BrowserSessions) -> APIRouter:
    """Return the pages of agreements."""
    router = APIRouter(include_in_schema=False)
    visitor = sessions.visitor

    def show(request: Request, subject: Subject, name: str, **values: Any) -> Response:
        return render(
            _templates,
            name,
            **sessions.header(request, subject),
            **values,
        )

    async def show_one(
        request: Request,
        subject: Subject,
        name: str,
        number: int | None = None,
        **values: Any,
    ) -> Response:
        versions, steps = await agreements.one(subject, name)
        found = agreement_view(versions, steps)
        shown = pick(versions, number) if number else None
        version = version_view(shown, versions) if shown else found.current
        document = check_document(version.document)
        return show(
            request,
            subject,
            "agreement.html",
            found=found,
            version=version,
            terms=_terms(document),
            referrals=[(kind, item.sentence) for kind, item in sorted(document.referrals.items())],
            may_sign=Role.SIGNATORY in subject.roles
            and subject.tenant in version.missing_signatures
            and version.status in ("out_for_signature", "in_force", "suspended"),
            **{"problem": None, "pasted": "", "status": 200, **values},
        )

    @router.get("/agreements")
    async def every(request: Request, subject: Subject = Depends(visitor)) -> Response:
        """List the agreements that the visitor's tenant may see."""
        listed = overviews(await agreements.every(subject))
        return show(request, subject, "agreements.html", agreements=listed)

    @router.get("/agreements/{name}")
    async def one(
        request: Request,
        name: Name,
        version: Number = None,
        subject: Subject = Depends(visitor),
    ) -> Response:
        """Show an agreement: the version that speaks today unless another is asked for."""
        return await show_one(request, subject, name, version)

    @router.get("/agreements/{name}/document")
    async def document(name: Name, version: int, subject: Subject = Depends(visitor)) -> Response:
        """Give the document of a version as a file, to sign it elsewhere."""
        versions, _ = await agreements.one(subject, name)
        item = pick(versions, version)
        file = f"{item.reference.lower()}-v{item.version}.json"
        return Response(
            canonical(item.document),
            media_type="application/json",
            headers={"Content-Disposition": f'attachment; filename="{file}"'},
        )

    @router.get("/agreements/{name}/difference")
    async def compare(
        request: Request,
        name: Name,
        older: Number = None,
        newer: Number = None,
        subject: Subject = Depends(visitor),
    ) -> Response:
        """Show what changes between two versions."""
        before, after, changes = await agreements.compare(subject, name, older, newer)
        return show(
            request, subject, "difference.html", before=before, after=after, changes=changes
        )

    @router.post("/agreements/{name}/signatures")
    async def sign(
        request: Request,
        name: Name,
        form_token: Annotated[str, Form(max_length=100)],
        version: Annotated[int, Form(ge=1, le=2_147_483_647)],
        signature: Annotated[str, Form(max_length=4000)] = "",
        subject: Subject = Depends(visitor),
    ) -> Response:
        """Take a pasted detached signature; what is wrong with it is said beside it."""
        sessions.check_form(request, form_token)
        try:
            signed = await agreements.submit(subject, DetachedSignature.parse(signature), name)
        except (InvalidInputError, ConflictError, RefusedError) as error:
            return await show_one(
                request,
                subject,
                name,
                version,
                problem=error.detail,
                pasted=signature,
                status=error.status,
            )
        return RedirectResponse(f"/agreements/{signed.reference}?version={signed.version}", 303)

    return router


def _terms(document: AgreementDocument) -> list[tuple[str, str]]:
    """Return what an agreement says beside its parties and purposes, in people's words."""
    onward = "allowed" if document.onward_sharing else "not allowed"
    sensitive = "covered" if document.sensitive_processing else "not covered"
    restricted = "not shown" if document.restricted_level == "none" else "shown as a pointer"
    return [
        ("Valid", f"{show_day(document.valid_from)} to {show_day(document.valid_to)}"),
        ("Review due", show_day(document.review_due)),
        (
            "Impact assessment",
            f"{document.dpia_reference}, until {show_day(document.dpia_expires)}",
        ),
        ("Lawful basis", document.lawful_basis),
        ("Legal power", document.legal_power),
        ("Record classes", ", ".join(document.record_classes)),
        ("Subjects", ", ".join(document.subject_categories)),
        ("Ceiling", f"{document.marking_ceiling}, handling code {document.handling_ceiling}"),
        ("Sensitive processing", sensitive),
        ("Restricted records", restricted),
        ("Onward sharing", onward),
        ("Geography", document.geography),
        ("Rate limit", f"{document.rate_limit_per_hour} an hour"),
        ("Recipient keeps it", f"{document.retention_days} days"),
    ]
