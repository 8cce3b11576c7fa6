"""Runs and what they pin."""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.utils import timezone

from evals_app.choices import ACTIVE_RUN_STATES, RunSource, RunState
from evals_app.models.dataset import Dataset
from evals_app.models.evaluator import EvaluatorVersion
from llmops.core.models import Connection, Project
from llmops.enums import choices
from prompts_app.models import PromptVersion


class Run(models.Model):
    """A prompt version asked over one revision of a dataset, and marked. The plan is frozen at creation."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="runs")
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="runs")
    revision = models.PositiveIntegerField()
    source = models.CharField(max_length=20, choices=choices(RunSource), default=RunSource.GENERATED)
    prompt_version = models.ForeignKey(
        PromptVersion, on_delete=models.PROTECT, null=True, blank=True, related_name="runs"
    )
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, null=True, blank=True, related_name="runs")
    model = models.CharField(max_length=200, blank=True)
    label = models.CharField(max_length=200, blank=True)
    repeats = models.PositiveSmallIntegerField(default=1)
    concurrency = models.PositiveSmallIntegerField(default=10)
    sample = models.PositiveIntegerField(null=True, blank=True)
    sample_seed = models.BigIntegerField(default=0)
    split = models.CharField(max_length=60, blank=True)
    state = models.CharField(max_length=20, choices=choices(RunState), default=RunState.QUEUED)
    reason = models.CharField(max_length=500, blank=True)
    n_results = models.PositiveIntegerField(default=0)
    n_finished = models.PositiveIntegerField(default=0)
    quote_calls = models.PositiveIntegerField(default=0)
    quote_cost_usd = models.DecimalField(max_digits=16, decimal_places=6, null=True, blank=True)
    quote_s = models.FloatField(null=True, blank=True)
    budget_usd = models.DecimalField(max_digits=16, decimal_places=6, null=True, blank=True)
    spent_usd = models.DecimalField(max_digits=16, decimal_places=9, default=0)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["project", "-id"], name="run_recent"),
            models.Index(
                "id",
                condition=models.Q(state__in=[str(state) for state in ACTIVE_RUN_STATES]),
                name="run_active",
            ),
        ]

    def __str__(self) -> str:
        return f"run {self.pk}"

    @property
    def title(self) -> str:
        """What was asked; with the dataset it names the run."""
        version = self.prompt_version
        return f"{version.prompt.name}, version {version.number}" if version else self.label or "Uploaded answers"

    @property
    def cost_usd(self) -> Decimal | None:
        """What its calls cost, as far as their prices are known; None when nobody knows any of them."""
        return None if self.quote_cost_usd is None and not self.spent_usd else self.spent_usd


class RunEvaluator(models.Model):
    """An evaluator version that a run marks with; the pages show them in `position` order, the first one first.

    What the run found with it is kept here once the run has ended (`summarised_at`), so that lists are quick; the
    scores remain the truth, and summarising again gives the same.
    """

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="run_evaluators")
    evaluator_version = models.ForeignKey(EvaluatorVersion, on_delete=models.PROTECT, related_name="+")
    position = models.PositiveSmallIntegerField()
    estimate = models.FloatField(null=True, blank=True)
    low = models.FloatField(null=True, blank=True)
    high = models.FloatField(null=True, blank=True)
    n = models.PositiveIntegerField(default=0)
    method = models.CharField(max_length=200, blank=True)
    note = models.CharField(max_length=300, blank=True)
    n_unscored = models.PositiveIntegerField(default=0)
    n_error = models.PositiveIntegerField(default=0)
    n_skipped = models.PositiveIntegerField(default=0)
    summarised_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "evaluator_version"], name="run_evaluator_once")]

    def __str__(self) -> str:
        return f"run {self.run_id}: evaluator version {self.evaluator_version_id}"
