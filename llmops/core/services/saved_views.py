"""Saved views: kept, renamed, shared, removed and put back."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils import timezone

from llmops.core.models import Project, SavedView, User

MOST_VIEWS = 50


class SavedViewProblem(Exception):
    """Why a view cannot be kept like this, in words for whoever keeps it."""


def saved_view_add(
    *, project: Project, owner: User, place: str, subject: str, name: str, query: str, is_shared: bool
) -> SavedView:
    """Keep a filter under a name that is the owner's only one for this list. Raises SavedViewProblem."""
    theirs = SavedView.objects.filter(project=project, owner=owner, place=place, subject=subject, removed_at=None)
    if theirs.count() >= MOST_VIEWS:
        raise SavedViewProblem(f"You have {MOST_VIEWS} views of this list. Remove one that you no longer need.")
    view = SavedView(
        project=project, owner=owner, place=place, subject=subject, name=name, query=query, is_shared=is_shared
    )
    try:
        with transaction.atomic():
            view.save(force_insert=True)
    except IntegrityError:
        raise _taken(name) from None
    return view


def saved_view_change(view: SavedView, *, name: str, is_shared: bool) -> None:
    """Give a view another name, share it, or take it back for its owner alone. Raises SavedViewProblem."""
    view.name, view.is_shared = name, is_shared
    try:
        with transaction.atomic():
            view.save(update_fields=["name", "is_shared"])
    except IntegrityError:
        raise _taken(name) from None


def saved_view_remove(view: SavedView) -> None:
    """Take a view away; saved_view_put_back() undoes it. Idempotent."""
    SavedView.objects.filter(pk=view.pk, removed_at=None).update(removed_at=timezone.now())


def saved_view_put_back(view: SavedView) -> None:
    """Undo saved_view_remove(). Idempotent. Raises SavedViewProblem when the name is in use again."""
    try:
        with transaction.atomic():
            SavedView.objects.filter(pk=view.pk).update(removed_at=None)
    except IntegrityError:
        raise _taken(view.name) from None


def _taken(name: str) -> SavedViewProblem:
    return SavedViewProblem(f"You have a view called “{name}” already. Choose another name.")
