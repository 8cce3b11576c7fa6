"""Taking things out of the lists, and bringing them back: prompts, datasets, metrics."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from llmops.core.choices import AuditKind
from llmops.core.services.audit import audit_note


def row_archive(row: Any, kind: AuditKind) -> None:
    """Set `archived_at` of a row that has a name and a project, and note it. Idempotent: the first time counts."""
    with transaction.atomic():
        if type(row).objects.filter(pk=row.pk, archived_at__isnull=True).update(archived_at=timezone.now()):
            audit_note(kind, "archived", f"archived the {kind} “{row.name}”", project_id=row.project_id)


def row_unarchive(row: Any, kind: AuditKind) -> None:
    """Undo row_archive(), and note it. Idempotent."""
    with transaction.atomic():
        if type(row).objects.filter(pk=row.pk, archived_at__isnull=False).update(archived_at=None):
            audit_note(kind, "brought_back", f"brought back the {kind} “{row.name}”", project_id=row.project_id)
