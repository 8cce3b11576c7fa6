"""The versions of a prompt: all of them, an old one made the newest again, and a prompt of its own from one."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from llmops.core.access import Action, ProjectRequest, project_page
from prompts_app import services
from prompts_app.forms import DuplicateForm
from prompts_app.selectors import latest_version, prompt_by_name, prompt_version, versions_page
from prompts_app.services import PromptProblem
from prompts_app.views.numbers import version_number


@project_page(Action.VIEW)
@require_safe
def prompt_versions(request: ProjectRequest, name: str) -> HttpResponse:
    """All versions with author and message, newest first; `?before=` is a page."""
    prompt = prompt_by_name(request.project, name=name)
    page = versions_page(prompt, before=version_number(request.GET.get("before", "")) or None)
    context = {
        "nav": "prompts",
        "prompt": prompt,
        "page": page,
        "next_url": f"?before={page.next_before}" if page.next_before else "",
        "newest": latest_version(prompt).number,
        "may_edit": request.actor.may(Action.EDIT_PROMPT),
    }
    return render(request, "prompts_app/prompt_versions.html", context)


@project_page(Action.EDIT_PROMPT)
@require_POST
def prompt_restore(request: ProjectRequest, name: str) -> HttpResponse:
    """Make the version of `number` the newest again."""
    prompt = prompt_by_name(request.project, name=name)
    version = prompt_version(prompt, number=version_number(request.POST.get("number", "")))
    restored = services.version_restore(prompt, version=version, author=request.user)
    if restored.created:
        messages.success(request, f"Version {restored.version.number} says what version {version.number} said.")
    else:
        messages.success(request, f"Nothing to do: version {restored.version.number} says the same already.")
    return redirect("prompts:prompt-detail", request.project.slug, prompt.name)


@project_page(Action.EDIT_PROMPT)
@require_http_methods(["GET", "HEAD", "POST"])
def prompt_duplicate(request: ProjectRequest, name: str) -> HttpResponse:
    """A prompt of its own from the newest version, or from the one of `?version=`."""
    prompt = prompt_by_name(request.project, name=name)
    number = request.GET.get("version", "")
    version = prompt_version(prompt, number=version_number(number)) if number else latest_version(prompt)
    form = DuplicateForm(request.POST or None, initial={"name": f"{prompt.name[:110]} copy"})
    if form.is_valid():
        try:
            made = services.prompt_duplicate(version, name=form.cleaned_data["name"], author=request.user)
        except PromptProblem as problem:
            form.add_error("name" if problem.field == "name" else None, problem.message)
        else:
            messages.success(request, f"This is “{made.prompt.name}”, copied from “{prompt.name}”.")
            return redirect("prompts:prompt-detail", request.project.slug, made.prompt.name)
    context = {"nav": "prompts", "prompt": prompt, "version": version, "form": form}
    return render(request, "prompts_app/prompt_duplicate.html", context, status=422 if form.errors else 200)
