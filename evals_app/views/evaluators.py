"""Pages of metrics: the list, choosing a kind, making and changing one, trying it, the archive."""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from evals_app.engine import KINDS, Kind
from evals_app.forms.evaluators import EvaluatorForm, TryForm, kind_groups
from evals_app.models import Evaluator, EvaluatorVersion
from evals_app.selectors.evaluators import (
    evaluator_by_name,
    evaluator_history,
    latest_evaluator_version,
    newest_versions_for_project,
)
from evals_app.services.evaluator_trying import TriedMark, evaluator_try
from evals_app.services.evaluators import (
    EvaluatorProblem,
    evaluator_archive,
    evaluator_change,
    evaluator_create,
    evaluator_draft,
    evaluator_unarchive,
)
from evals_app.views.metric_words import metric_words
from llmops.core.access import Action, ProjectRequest, project_page

VERSIONS_SHOWN = 50


@project_page(Action.VIEW)
@require_safe
def evaluator_list(request: ProjectRequest) -> HttpResponse:
    """The project's metrics by name; `?archived=1` shows the archived ones."""
    archived = "archived" in request.GET
    rows = [metric_words(version) for version in newest_versions_for_project(request.project, archived=archived)]
    n_archived = newest_versions_for_project(request.project, archived=True).count()
    context = {
        "nav": "metrics",
        "rows": rows,
        "archived": archived,
        "chips": _archive_chips(request, n_archived=n_archived, archived=archived),
        "archived_url": "?archived=1" if n_archived else "",
        "may_edit": request.actor.may(Action.EDIT_EVALUATOR),
    }
    return render(request, "evals_app/evaluator_list.html", context)


@project_page(Action.EDIT_EVALUATOR)
@require_http_methods(["GET", "HEAD", "POST"])
def evaluator_new(request: ProjectRequest) -> HttpResponse:
    """Choose a kind by what one has; then, with `kind` in the address, its settings, and try it."""
    kind = _kind(request.GET.get("kind", ""))
    if kind is None:
        return render(request, "evals_app/evaluator_kinds.html", {"nav": "metrics", "groups": kind_groups()})
    form = EvaluatorForm(_posted(request), kind=kind, project=request.project)
    if request.method == "POST" and request.POST.get("do") != "try" and form.is_valid():
        try:
            made = evaluator_create(
                project=request.project,
                name=form.cleaned_data["name"],
                kind=kind.name,
                author=request.user,
                **form.wanted(),
            )
        except EvaluatorProblem as problem:
            form.mark(problem)
        else:
            messages.success(request, f"“{made.evaluator.name}” is ready to score answers.")
            return redirect("evals:evaluator-list", request.project.slug)
    return _form_page(request, form, {"kind": kind})


@project_page(Action.VIEW, post=Action.EDIT_EVALUATOR)
@require_http_methods(["GET", "HEAD", "POST"])
def evaluator_detail(request: ProjectRequest, name: str) -> HttpResponse:
    """A metric's settings, to be changed as a new version and tried; what it was before."""
    evaluator = evaluator_by_name(request.project, name=name, archived=request.method != "POST")
    version = latest_evaluator_version(evaluator)
    kind = KINDS[evaluator.kind]
    form = EvaluatorForm(_posted(request), kind=kind, project=request.project, version=version)
    if request.method == "POST" and request.POST.get("do") != "try" and form.is_valid():
        try:
            saved = evaluator_change(evaluator, author=request.user, **form.wanted())
        except EvaluatorProblem as problem:
            form.mark(problem)
        else:
            is_new = saved.number != version.number
            messages.success(request, f"Saved as version {saved.number}." if is_new else "Nothing was changed.")
            return redirect("evals:evaluator-detail", request.project.slug, evaluator.name)
    return _form_page(request, form, {"kind": kind, **_standing(request, evaluator, version)})


@project_page(Action.EDIT_EVALUATOR)
@require_POST
def evaluator_remove(request: ProjectRequest, name: str) -> HttpResponse:
    """Take a metric out of the lists; its scores stay, and it can be brought back."""
    evaluator = evaluator_by_name(request.project, name=name, archived=True)
    evaluator_archive(evaluator)
    messages.success(request, f"“{evaluator.name}” is archived. What it has scored stays.")
    return redirect("evals:evaluator-detail", request.project.slug, evaluator.name)


@project_page(Action.EDIT_EVALUATOR)
@require_POST
def evaluator_restore(request: ProjectRequest, name: str) -> HttpResponse:
    """Bring an archived metric back."""
    evaluator = evaluator_by_name(request.project, name=name, archived=True)
    evaluator_unarchive(evaluator)
    messages.success(request, f"“{evaluator.name}” is back in the list.")
    return redirect("evals:evaluator-detail", request.project.slug, evaluator.name)


def _form_page(request: ProjectRequest, form: EvaluatorForm, context: dict[str, Any]) -> HttpResponse:
    """The form with what it is tried on, and, when that was asked for, the mark."""
    trying = request.method == "POST" and request.POST.get("do") == "try"
    sample = TryForm(_posted(request), kind=form.kind)
    context |= {"nav": "metrics", "form": form, "try_form": sample}
    if trying:
        context |= _tried(request, form, sample)
    status = 422 if request.method == "POST" and form.errors else 200
    template = "evals_app/evaluator_form.html"
    if trying and request.htmx and request.htmx.target == "metric-mark":  # type: ignore[attr-defined]  # django-htmx
        response = render(request, f"{template}#metric-mark", context)
    else:
        response = render(request, template, context, status=status)
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    return response


def _tried(request: ProjectRequest, form: EvaluatorForm, sample: TryForm) -> dict[str, Any]:
    """The mark of the example with the settings as they stand, or what is wrong with them."""
    if "name" in form.fields:
        form.fields["name"].required = False  # a metric can be tried before it has a name
    if not (form.is_valid() and sample.is_valid()):
        return {"try_problem": _first_problem(form)}
    try:
        draft = evaluator_draft(kind=form.kind.name, **form.wanted())
    except EvaluatorProblem as problem:
        form.mark(problem)
        return {"try_problem": _first_problem(form)}
    tried: TriedMark = async_to_sync(evaluator_try)(draft, sample.sample(), project=request.project, user=request.user)
    return {"tried": tried, "value_type": draft.value_type}


def _first_problem(form: EvaluatorForm) -> str:
    for name, problems in form.errors.items():
        label = f"{form[name].label}: " if name in form.fields else ""
        return f"{label}{problems[0]}"
    return "This cannot be tried as it stands."


def _standing(request: ProjectRequest, evaluator: Evaluator, version: EvaluatorVersion) -> dict[str, Any]:
    in_use = evaluator.archived_at is None
    return {
        "evaluator": evaluator,
        "version": version,
        "words": metric_words(version),
        "history": [metric_words(found) for found in evaluator_history(evaluator)[:VERSIONS_SHOWN]],
        "may_edit": request.actor.may(Action.EDIT_EVALUATOR) and in_use,
        "may_restore": request.actor.may(Action.EDIT_EVALUATOR) and not in_use,
    }


def _posted(request: ProjectRequest) -> Any:
    return request.POST if request.method == "POST" else None


def _kind(name: str) -> Kind | None:
    if name and name not in KINDS:
        raise Http404("There is no such kind of metric.")
    return KINDS.get(name)


def _archive_chips(request: ProjectRequest, *, n_archived: int, archived: bool) -> list[dict[str, Any]]:
    if not (n_archived or archived):
        return []
    here = reverse("evals:evaluator-list", args=[request.project.slug])
    return [
        {"label": "In use", "url": here, "active": not archived},
        {"label": "Archived", "url": f"{here}?archived=1", "active": archived, "count": n_archived},
    ]


urlpatterns = [
    path("metrics/", evaluator_list, name="evaluator-list"),
    path("new-metric/", evaluator_new, name="evaluator-new"),
    path("metrics/<str:name>/", evaluator_detail, name="evaluator-detail"),
    path("metrics/<str:name>/remove/", evaluator_remove, name="evaluator-remove"),
    path("metrics/<str:name>/restore/", evaluator_restore, name="evaluator-restore"),
]
