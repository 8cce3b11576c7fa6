"""Evaluators (in the pages: metrics) and their versions."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from evals_app.choices import Direction
from llmops.core.models import Connection, Project
from llmops.enums import choices


class Evaluator(models.Model):
    """A named way to mark an answer; its settings live in numbered versions."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="evaluators")
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=40)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="evaluator_name_once")]

    def __str__(self) -> str:
        return self.name


class EvaluatorVersion(models.Model):
    """One immutable version of an evaluator: settings, direction and margin (in points of 100)."""

    evaluator = models.ForeignKey(Evaluator, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    config = models.JSONField(default=dict)
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    model = models.CharField(max_length=200, blank=True)
    value_type = models.CharField(max_length=20)
    direction = models.CharField(max_length=10, choices=choices(Direction))
    margin = models.FloatField(default=2.0)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["evaluator", "number"], name="evaluator_version_once")]

    def __str__(self) -> str:
        return f"{self.evaluator.name}, version {self.number}"
