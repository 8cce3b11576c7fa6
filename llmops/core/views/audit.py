"""The audit trail: a page to look through it, and a file to take along."""

from __future__ import annotations

import csv
import io

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_GET

from llmops.core.access import Action, ProjectRequest, project_page
from llmops.core.choices import AuditKind
from llmops.core.models import AuditEntry, Project
from llmops.core.selectors import audit as trail
from llmops.core.selectors.audit import DAYS, Fits, changes_of
from llmops.core.selectors.paging import keyset_page
from llmops.core.views.addresses import Chip, query_of
from llmops.core.views.project import settings_context
from llmops.core.views.saved_views import views_shown
from llmops.formulas import neutralise

PAGE_SIZE = 50
MOST_IN_A_FILE = 10_000
KIND_WORDS = {
    AuditKind.SIGN_IN: "Sign-ins",
    AuditKind.MEMBER: "Members",
    AuditKind.API_KEY: "API keys",
    AuditKind.CONNECTION: "Connections",
    AuditKind.PROMPT: "Prompts",
    AuditKind.DATASET: "Datasets",
    AuditKind.METRIC: "Metrics",
    AuditKind.RUN: "Runs",
    AuditKind.PROJECT: "Project",
}
COLUMNS = ("When", "Who", "What", "About", "Before", "After", "Address", "Request")


@project_page(Action.READ_AUDIT)
@require_GET
def audit_trail(request: ProjectRequest) -> HttpResponse:
    """What was done, newest first; `who`, `kind` and `days` narrow it down, `entry` opens one at the side."""
    fits = _fits(request)
    page = keyset_page(trail.audit_trail(request.project, fits), at=request.GET.get("at", ""), size=PAGE_SIZE, by="at")
    opened = trail.audit_entry(request.project, pk=request.GET.get("entry", ""))
    context = settings_context(request, "audit") | {
        "page": page,
        "rows": [(entry, _about(entry), _address(request, entry=str(entry.pk))) for entry in page.rows],
        "newer_url": _address(request, at=page.newer, entry="") if page.newer else "",
        "older_url": _address(request, at=page.older, entry="") if page.older else "",
        "list_url": _address(request, entry=""),
        "file_query": query_of(request, *Fits._fields),
        "opened": opened,
        "changes": changes_of(opened) if opened else [],
        "account": trail.account_of(opened) if opened else "",
        "opened_who_url": f"?who={_who(opened)}" if opened and _who(opened) else "",
        "narrowed": any(fits),
        "views": views_shown(request, "audit"),
        "kinds": _chips(request, "kind", "Everything", [(str(kind), words) for kind, words in KIND_WORDS.items()]),
        "people": _chips(request, "who", "Everybody", trail.audit_people(request.project)),
        "days": _chips(request, "days", "Any time", list(DAYS.items())),
    }
    alone = request.htmx and request.htmx.target == "entry-slot"  # type: ignore[attr-defined]  # set by django-htmx
    response = render(request, f"core/settings_audit.html{'#entry-slot' if alone else ''}", context)
    patch_vary_headers(response, ["HX-Request"])
    return response


@project_page(Action.READ_AUDIT)
@require_GET
def audit_export(request: ProjectRequest) -> HttpResponse:
    """The newest entries that fit, as CSV; its last line says when there are older ones that are not in it."""
    found = trail.audit_trail(request.project, _fits(request)).order_by("-at", "-pk")[: MOST_IN_A_FILE + 1]
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    for number, entry in enumerate(found):
        if number == MOST_IN_A_FILE:
            writer.writerow(["", "", f"Older entries are left out: a file has at most {MOST_IN_A_FILE:,} of them."])
            break
        writer.writerow([neutralise(cell) for cell in _cells(entry)])
    name = f"audit-trail-{request.project.slug}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(file.getvalue(), content_type="text/csv; charset=utf-8", headers=headers)


def audit_address(project: Project, subject: str) -> str | None:
    """Where the trail of a project stands; it lists the parts of nothing."""
    return None if subject else reverse("core:audit-trail", args=[project.slug])


def _fits(request: ProjectRequest) -> Fits:
    return Fits(*(request.GET.get(name, "") for name in Fits._fields))


def _cells(entry: AuditEntry) -> list[str]:
    facts = changes_of(entry)
    return [
        entry.at.isoformat(timespec="seconds"),
        entry.who,
        entry.what,
        _about(entry),
        _facts([(change.name, change.before) for change in facts]),
        _facts([(change.name, change.after) for change in facts]),
        entry.address,
        entry.request_id,
    ]


def _facts(pairs: list[tuple[str, str]]) -> str:
    return "; ".join(f"{name}: {value}" for name, value in pairs if value)


def _about(entry: AuditEntry) -> str:
    return KIND_WORDS[AuditKind(entry.kind)]


def _who(entry: AuditEntry) -> str:
    if entry.api_key_id is not None:
        return f"k{entry.api_key_id}"
    return f"u{entry.user_id}" if entry.user_id is not None else ""


def _chips(request: ProjectRequest, name: str, all_words: str, choices: list[tuple[str, str]]) -> list[Chip]:
    chosen = request.GET.get(name, "")
    return [
        Chip(words, _address(request, **{name: value}, at="", entry=""), chosen == value)
        for value, words in [("", all_words), *choices]
    ]


def _address(request: ProjectRequest, **changes: str) -> str:
    kept = {name: request.GET.get(name, "") for name in (*Fits._fields, "at")}
    return query_of(request, **kept | changes) or request.path
