"""Try it: one call with the text as it stands on the page, saved or not."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, NamedTuple

from asgiref.sync import sync_to_async
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from llmops.core.access import Action, ProjectRequest, project_page
from llmops.core.encryption import KeyLost
from llmops.core.models import Connection
from llmops.core.services.trying import stream_once
from llmops.core.templatetags.formats import count, duration_ms, usd
from llmops.providers.base import ChatRequest, ModelCallError
from llmops.providers.gateway import CallContext, CallPurpose, Reply
from prompts_app.forms import EditorForm, posted_values
from prompts_app.models import Prompt, PromptVersion
from prompts_app.rendering import MissingVariable, RenderedTooLong
from prompts_app.selectors import prompt_by_name
from prompts_app.services import PromptProblem, draft_request
from prompts_app.views.editor import editor_page, started_from
from prompts_app.views.preview import preview


class Asked(NamedTuple):
    """What is to be tried: `problem` says why it cannot be, `empty` names variables without a value."""

    prompt: Prompt
    form: EditorForm
    shown: PromptVersion
    connection: Connection | None
    request: ChatRequest | None
    problem: str
    empty: tuple[str, ...] = ()


class Piece(NamedTuple):
    """Something of an answer: a piece of its text, what it took, or what went wrong."""

    kind: str  # piece, facts or error: the words of static/js/stream.js
    text: str


@project_page(Action.TRY_PROMPT)
@require_http_methods(["GET", "POST"])
async def prompt_try(request: ProjectRequest, name: str) -> HttpResponseBase:
    """Stream the answer to a script that asks for events; else answer with the page and the answer on it."""
    if request.method == "GET":  # reloaded after an answer
        return redirect("prompts:prompt-detail", request.project.slug, name)
    asked = await sync_to_async(_asked)(request, name)
    pieces = _answer(asked, request)
    if "text/event-stream" in request.headers.get("Accept", ""):
        events = StreamingHttpResponse(_events(pieces), content_type="text/event-stream")
        events["Cache-Control"] = "no-store"
        events["X-Accel-Buffering"] = "no"
        return events
    tried = {"text": "", "facts": "", "error": ""}
    async with aclosing(pieces):
        async for piece in pieces:
            tried["text" if piece.kind == "piece" else piece.kind] += piece.text
    sent = preview(asked.form.rows, posted_values(request.POST)) if asked.request else ()
    return await sync_to_async(editor_page)(
        request, asked.prompt, asked.form, shown=asked.shown, tried=tried, sent=sent
    )


@project_page(Action.TRY_PROMPT)
@require_POST
def prompt_sent(request: ProjectRequest, name: str) -> HttpResponse:
    """The messages as they would be sent, with the values in them. Calls nothing."""
    asked = _asked(request, name)
    context: dict[str, Any] = {
        "sent": preview(asked.form.rows, posted_values(request.POST)),
        "problem": asked.problem,
    }
    return render(request, "prompts_app/prompt_detail.html#prompt-sent", context)


def _asked(request: ProjectRequest, name: str) -> Asked:
    prompt = prompt_by_name(request.project, name=name)
    form = EditorForm(request.POST, project=request.project)
    shown = started_from(prompt, form)
    if not form.is_valid():
        problem = next(iter(form.errors.values()))[0]
        return Asked(prompt, form, shown, None, None, f"{problem}")
    content = form.content(shown)
    values = posted_values(request.POST)
    try:
        ready = draft_request(content, inputs=values)
    except PromptProblem as problem:
        return Asked(prompt, form, shown, None, None, f"{_where(problem, form)}{problem.message}")
    except (MissingVariable, RenderedTooLong) as problem:
        return Asked(prompt, form, shown, None, None, str(problem))
    empty = tuple(name for name, value in values.items() if not value.strip())
    return Asked(prompt, form, shown, content.connection, ready, _why_not(content.connection, ready, values), empty)


def _where(problem: PromptProblem, form: EditorForm) -> str:
    name, _, position = problem.field.partition(".")
    return f"Message {int(position) + 1}. " if name == "messages" and position and len(form.rows) > 1 else ""


def _why_not(connection: Connection | None, ready: ChatRequest, values: dict[str, str]) -> str:
    """What is missing before this can be sent; empty when nothing is."""
    if connection is None:
        return "Choose a connection and a model first, under the messages."
    if not ready.model:
        return "Name a model first, under the messages."
    if values and not any(value.strip() for value in values.values()):
        return f"Type something for “{next(iter(values))}” first."
    return ""


async def _answer(asked: Asked, request: ProjectRequest) -> AsyncGenerator[Piece, None]:
    """The pieces of the answer; leaving early stops the call to the model."""
    if asked.problem or asked.connection is None or asked.request is None:
        yield Piece("error", asked.problem)
        return
    context = CallContext(request.project.pk, CallPurpose.TRY_IT, user_id=request.user.pk)
    try:
        async with aclosing(stream_once(asked.connection, asked.request, context)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Reply):
                    yield Piece("facts", _facts(piece, asked.empty))
                else:
                    yield Piece("piece", piece)
    except (ModelCallError, KeyLost) as error:
        yield Piece("error", str(error))


async def _events(pieces: AsyncGenerator[Piece, None]) -> AsyncGenerator[str, None]:
    async with aclosing(pieces):
        async for piece in pieces:
            yield f"data: {json.dumps({piece.kind: piece.text})}\n\n"


_ENDINGS = {
    "length": "Cut off: it reached the longest answer that the settings allow.",
    "content_filter": "Cut off by the safety rules of the vendor.",
}


def _facts(reply: Reply, empty: tuple[str, ...]) -> str:
    """What an answer took, on one line, and what should be known about it."""
    usage = reply.completion.usage
    facts = [duration_ms(reply.latency_ms), usd(reply.cost_usd)]
    if usage is not None:
        facts.append(f"{count(usage.input_tokens)} tokens in, {count(usage.output_tokens)} out")
    if reply.attempts > 1:
        facts.append(f"{reply.attempts} attempts")
    if empty:
        facts.append(f"left empty: {', '.join(empty)}")
    ending = _ENDINGS.get(reply.completion.finish_reason, "")
    return " · ".join(facts) + (f" {ending}" if ending else "")
