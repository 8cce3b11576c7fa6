"""Every component once, for looking at: shown under DEBUG only."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib.messages import constants as levels
from django.contrib.messages.storage.base import Message
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from llmops.core.access import open_page
from llmops.core.templatetags.toasts import UNDO
from llmops.core.views.addresses import Chip
from llmops.core.views.saved_views import ViewsShown
from llmops.stats.estimate import Estimate


class SampleForm(forms.Form):
    name = forms.CharField(label="Name", help_text="How colleagues will find it. You can change it later.")
    question = forms.CharField(
        label="What should the judge ask?",
        widget=forms.Textarea(attrs={"data-draft": "gallery-question"}),
        required=False,
    )
    model = forms.ChoiceField(label="Model", choices=[("a", "practice: banker"), ("b", "OpenAI: gpt-4")])
    strict = forms.BooleanField(label="Capital letters matter", required=False, help_text="Off: “Yes” equals “yes”.")
    budget = forms.DecimalField(label="Stop at", help_text="In US dollars. The run stops before it would cost more.")


def gallery_context() -> dict[str, Any]:
    """Context of core/gallery.html."""
    form = SampleForm({"name": "", "question": "", "model": "a", "budget": "two"})
    form.is_valid()
    now = timezone.now()
    return {
        "crumbs": [("Prompts", "#"), ("support-answer", "#")],
        "tones": ["better", "worse", "unsure", "none"],
        "estimates": [
            Estimate(0.8125, 0.741, 0.864, 120),
            Estimate(1.0, 0.912, 1.0, 40),
            Estimate(0.006, 0.001, 0.033, 180),
            Estimate(0.5, None, None, 1, note="one case has no interval"),
        ],
        "unscored": Estimate(None, None, None, 0, note="no case was scored"),
        "latency": Estimate(1810, 1600, 2050, 120, "order statistics"),
        "states": ["queued", "running", "stopping", "finished", "no_answers", "stopped", "failed"],
        "chips": [
            {"label": "All", "url": "?show=all", "active": True, "count": 1204},
            {"label": "Wrong", "url": "?show=wrong", "active": False, "count": 22},
            {"label": "Not scored", "url": "?show=unscored", "active": False, "count": 0},
        ],
        "many_chips": [{"label": f"tag {number}", "url": "#", "active": number == 11} for number in range(1, 15)],
        "views": [
            ViewsShown(
                tabs=[Chip("All runs", "#", False), Chip("Nightly", "#", True), Chip("x" * 60, "#", False)],
                place="runs",
                subject="",
                query="q=nightly",
                save_url="",
                edit_url="#",
                may_share=True,
            ),
            ViewsShown(tabs=[], place="runs", subject="", query="q=x", save_url="#", edit_url="", may_share=True),
        ],
        "messages": [
            Message(levels.SUCCESS, "“Nightly” is saved."),
            Message(levels.SUCCESS, "The view “Nightly” is removed.", extra_tags=f"{UNDO}#"),
            Message(levels.WARNING, "3 of 40 rows were left out."),
            Message(levels.ERROR, "The server cannot be reached. What you see may be out of date."),
        ],
        "tabs": [
            {"label": "Edit", "url": "?tab=edit", "active": True},
            {"label": "Versions", "url": "?tab=versions", "active": False, "count": 7},
            {"label": "Runs", "url": "?tab=runs", "active": False, "count": 12},
        ],
        "steps": [
            {"label": "Choose a file", "state": "done", "url": "?step=1"},
            {"label": "Match the columns", "state": "current"},
            {"label": "Check and import", "state": "todo"},
        ],
        "pieces": [
            {"op": "delete", "text": "Call 0800 111 now and block the card."},
            {"op": "equal", "text": " "},
            {"op": "insert", "text": "You can order a new card in the app."},
            {"op": "equal", "text": " It arrives in five days."},
        ],
        "facts": [("Calls", "1"), ("Wait", "1.9 s"), ("Tokens", "212 in, 12 out"), ("Cost", "$0.004")],
        "form": form,
        "moments": [
            now - timedelta(seconds=3),
            now - timedelta(minutes=12),
            now - timedelta(days=3),
            now - timedelta(days=90),
        ],
    }


@open_page
def gallery(request: HttpRequest) -> HttpResponse:
    """All components in all their states."""
    return render(request, "core/gallery.html", gallery_context())
