"""What is asked of every name that is typed."""

from __future__ import annotations

from django.core.exceptions import ValidationError

from llmops.core.naming import unseen_problem


def looks_like_itself(name: str) -> None:
    """Refuses line breaks and what cannot be seen: names stand in mails to strangers and in the audit trail, where they
    must not pass for something else. Raises ValidationError."""
    if problem := unseen_problem(name):
        raise ValidationError(problem)
