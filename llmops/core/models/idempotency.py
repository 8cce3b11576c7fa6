"""Answers kept so that a repeated request is answered, not done, again."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from llmops.core.models.project import Project


class IdempotencyRecord(models.Model):
    """The first answer to a request that carried an Idempotency-Key; kept for 24 hours."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(default=0)
    body = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "key"], name="idempotency_key_once")]

    def __str__(self) -> str:
        return self.key
