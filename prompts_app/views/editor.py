"""The page of one prompt: read a version, write the next one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from llmops.core.access import Action, ProjectRequest, project_page
from llmops.panels import prompt_actions
from prompts_app.choices import PromptKind
from prompts_app.forms import EditorForm, changed_rows, posted_rows, posted_values
from prompts_app.models import Prompt, PromptVersion
from prompts_app.selectors import latest_version, prompt_by_name, prompt_version, prompt_versions
from prompts_app.services import NewerVersion, PromptProblem, content_problems, version_publish
from prompts_app.views.findings import Findings, findings
from prompts_app.views.meeting import meeting_of, meeting_page
from prompts_app.views.numbers import version_number

VERSIONS_SHOWN = 6


@project_page(Action.VIEW, post=Action.EDIT_PROMPT)
@require_http_methods(["GET", "HEAD", "POST"])
def prompt_detail(request: ProjectRequest, name: str) -> HttpResponse:
    """The editor with the newest version, or the one of `?version=`. POST saves, or moves messages about."""
    prompt = prompt_by_name(request.project, name=name)
    if request.method != "POST":
        newest = latest_version(prompt)
        number = request.GET.get("version", "")
        shown = prompt_version(prompt, number=version_number(number)) if number else newest
        form = EditorForm(project=request.project, version=shown, newest_number=newest.number)
        return editor_page(request, prompt, form, shown=shown)
    form = EditorForm(request.POST, project=request.project)
    do = request.POST.get("do", "save")
    if do == "save":
        return _save(request, prompt, form)
    if do.startswith("together"):
        return _put_together(request, prompt, do=do)
    form.rows = changed_rows(form.rows, do=do)
    return editor_page(request, prompt, form, shown=started_from(prompt, form))


@project_page(Action.EDIT_PROMPT)
@require_POST
def prompt_variables(request: ProjectRequest, name: str) -> HttpResponse:
    """What the text that is being written holds: its variables, and what is wrong with it. Saves nothing."""
    prompt = prompt_by_name(request.project, name=name)
    context = {
        "prompt": prompt,
        "found": findings(posted_rows(request.POST), posted_values(request.POST)),
        "live": True,
    }
    return render(request, "prompts_app/prompt_detail.html#prompt-variables", context)


def _save(request: ProjectRequest, prompt: Prompt, form: EditorForm) -> HttpResponse:
    shown = started_from(prompt, form)
    form.mark(content_problems([row.message for row in form.rows]))
    if not form.is_valid():
        return editor_page(request, prompt, form, shown=shown, status=422)
    try:
        published = version_publish(
            prompt,
            content=form.content(shown),
            message=form.cleaned_data["message"],
            author=request.user,
            newest_seen=form.cleaned_data["base_version"],
        )
    except PromptProblem as problem:
        form.mark([problem])
        return editor_page(request, prompt, form, shown=shown, status=422)
    except NewerVersion as newer:
        base = form.cleaned_data["base_version"]
        return meeting_page(request, prompt, meeting_of(prompt, form.posted, base=base, theirs=newer.version.number))
    number = published.version.number
    if published.created:
        messages.success(request, f"Version {number} is saved.")
    else:
        messages.success(request, f"Nothing to save: this is exactly version {number}.")
    return redirect("prompts:prompt-detail", request.project.slug, prompt.name)


def _put_together(request: ProjectRequest, prompt: Prompt, *, do: str) -> HttpResponse:
    """Save two people's changes as one version, or open them in the editor first (`together-edit`)."""
    base, theirs = (version_number(request.POST.get(name, "")) for name in ("base_version", "theirs"))
    meeting = meeting_of(prompt, request.POST, base=base, theirs=theirs)
    if do == "together-save" and (undecided := meeting.open_conflicts()):
        return meeting_page(request, prompt, meeting, undecided=undecided, status=422)
    form = EditorForm(meeting.together(), project=request.project)
    if do == "together-save":
        return _save(request, prompt, form)
    return editor_page(request, prompt, form, shown=meeting.theirs)


def started_from(prompt: Prompt, form: EditorForm) -> PromptVersion:
    """The version that was opened when writing began."""
    return prompt_version(prompt, number=version_number(form.data.get("started_from", "")))


def editor_page(
    request: ProjectRequest,
    prompt: Prompt,
    form: EditorForm,
    *,
    shown: PromptVersion,
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    """The whole page; `more` may hold `tried`, an answer."""
    return render(
        request,
        "prompts_app/prompt_detail.html",
        editor_context(request, prompt, form, shown) | more,
        status=status,
    )


def editor_context(request: ProjectRequest, prompt: Prompt, form: EditorForm, shown: PromptVersion) -> dict[str, Any]:
    """What the page of a prompt needs."""
    versions = list(prompt_versions(prompt).defer("messages", "output_schema")[:VERSIONS_SHOWN])
    return {
        "nav": "prompts",
        "prompt": prompt,
        "form": form,
        "shown": shown,
        "newest": versions[0],
        "versions": versions,
        "is_text": prompt.kind == PromptKind.TEXT,
        "found": _found(form),
        "actions": prompt_actions(prompt, shown) if request.actor.may(Action.START_RUN) else [],
        "may_edit": request.actor.may(Action.EDIT_PROMPT),
        "may_try": request.actor.may(Action.TRY_PROMPT),
        "also_set": _also_set(shown),
    }


def _found(form: EditorForm) -> Findings:
    """What the messages hold; mistakes that are marked at their message already are not said twice."""
    found = findings(form.rows, posted_values(form.posted))
    return replace(found, problems=[]) if any(row.problems for row in form.rows) else found


def _also_set(version: PromptVersion) -> list[tuple[str, str]]:
    """Settings that came through the API and have no field on the page; saving keeps them."""
    also = [(name, str(value)) for name, value in version.model_options.items()]
    if version.output_schema is not None:
        also.append(("answer format", "set by a schema"))
    return also
