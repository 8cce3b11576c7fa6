"""Datasets, their revisions and their cases."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from llmops.core.models import Project


class Dataset(models.Model):
    """A named set of cases. Every change of its cases makes a revision, and a run pins one."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="datasets")
    name = models.CharField(max_length=120)
    description = models.CharField(max_length=500, blank=True)
    input_schema = models.JSONField(null=True, blank=True)
    columns = ArrayField(models.CharField(max_length=120), default=list, blank=True)
    revision = models.PositiveIntegerField(default=0)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="dataset_name_once")]
        indexes = [models.Index(fields=["project", "-updated_at"], name="dataset_recent")]

    def __str__(self) -> str:
        return self.name


class DatasetRevision(models.Model):
    """One numbered state of a dataset: who changed what, and how many cases it holds."""

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    n_cases = models.PositiveIntegerField()
    n_added = models.PositiveIntegerField(default=0)
    n_updated = models.PositiveIntegerField(default=0)
    n_removed = models.PositiveIntegerField(default=0)
    message = models.CharField(max_length=300, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["dataset", "number"], name="dataset_revision_once")]

    def __str__(self) -> str:
        return f"{self.dataset.name}, revision {self.number}"

    @property
    def counts(self) -> str:
        """What it did, in words: "3 added, 1,200 changed"."""
        said = {"added": self.n_added, "changed": self.n_updated, "taken out": self.n_removed}
        return ", ".join(f"{n:,} {word}" for word, n in said.items() if n)


class Case(models.Model):
    """A case's identity, which outlives its edits: its key, or, without one, the hash of its inputs."""

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="cases")
    identity = models.CharField(max_length=270)
    key = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["dataset", "identity"], name="case_identity_once")]

    def __str__(self) -> str:
        return self.key or str(self.pk)


class CaseVersion(models.Model):
    """A case's content from revision `since` up to, not including, revision `until` (empty: still current)."""

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="case_versions")
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="versions")
    since = models.PositiveIntegerField()
    until = models.PositiveIntegerField(null=True, blank=True)
    inputs = models.JSONField()
    expected = models.TextField(null=True, blank=True)  # noqa: DJ001  an empty expected answer is not none
    reference = models.TextField(null=True, blank=True)  # noqa: DJ001  as above
    previous = models.TextField(null=True, blank=True)  # noqa: DJ001  as above
    feedback = models.TextField(null=True, blank=True)  # noqa: DJ001  as above
    tags = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    group = models.CharField(max_length=200, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    position = models.PositiveIntegerField()
    content_hash = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case"], condition=models.Q(until__isnull=True), name="case_one_current_version"
            )
        ]
        indexes = [
            models.Index("dataset", "since", "position", name="case_version_in_dataset"),
            models.Index(
                fields=["dataset", "position"], condition=models.Q(until__isnull=True), name="case_version_current"
            ),
        ]

    def __str__(self) -> str:
        return f"case {self.case_id}, revision {self.since}"
