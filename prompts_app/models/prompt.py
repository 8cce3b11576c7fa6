"""Prompts and their immutable versions."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from llmops.core.models import Connection, Project
from llmops.enums import choices
from prompts_app.choices import PromptKind


class Prompt(models.Model):
    """A named prompt; its text lives in numbered versions."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="prompts")
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=10, choices=choices(PromptKind))
    folder = models.CharField(max_length=200, blank=True)
    tags = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="prompt_name_once")]
        indexes = [models.Index(fields=["project", "-updated_at"], name="prompt_recent")]

    def __str__(self) -> str:
        return self.name


class PromptVersion(models.Model):
    """One immutable version: what is sent, to which model, with which settings. Editing makes a new row."""

    prompt = models.ForeignKey(Prompt, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    messages = models.JSONField()
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    model = models.CharField(max_length=200, blank=True)
    temperature = models.FloatField(null=True, blank=True)
    max_tokens = models.PositiveIntegerField(null=True, blank=True)
    model_options = models.JSONField(default=dict, blank=True)
    output_schema = models.JSONField(null=True, blank=True)
    variables = ArrayField(models.CharField(max_length=120), default=list)
    message = models.CharField(max_length=300, blank=True)
    content_hash = models.CharField(max_length=64)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["prompt", "number"], name="prompt_version_once")]

    def __str__(self) -> str:
        return f"{self.prompt.name}, version {self.number}"
