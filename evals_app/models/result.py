"""Results and scores of runs."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from evals_app.choices import ResultState, ScoreSource, ScoreState
from evals_app.models.dataset import Case, CaseVersion
from evals_app.models.evaluator import EvaluatorVersion
from evals_app.models.run import Run
from llmops.core.models import Project
from llmops.enums import choices


class Result(models.Model):
    """One planned answer: case x repeat of a run.

    While `running`, the row is leased: `lease_owner` names the pump and `lease_until` (database clock) ends it; `ahead`
    says that it waits in the pump for one of its run's places, and is no call in flight yet.
    `answered_at` marks a saved answer, which is never asked for again: what is left is marking it.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="results")
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="+")
    case_version = models.ForeignKey(CaseVersion, on_delete=models.PROTECT, related_name="+")
    repeat = models.PositiveSmallIntegerField(default=1)
    position = models.PositiveIntegerField()
    state = models.CharField(max_length=20, choices=choices(ResultState), default=ResultState.PENDING)
    lease_owner = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    ahead = models.BooleanField(default=False, db_default=False)
    n_leases = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField(null=True, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    output = models.TextField(blank=True)
    finish_reason = models.CharField(max_length=30, blank=True)
    error_kind = models.CharField(max_length=40, blank=True)
    reason = models.CharField(max_length=1000, blank=True)
    latency_ms = models.IntegerField(null=True, blank=True)
    input_tokens = models.IntegerField(null=True, blank=True)
    output_tokens = models.IntegerField(null=True, blank=True)
    cost_usd = models.DecimalField(max_digits=16, decimal_places=9, null=True, blank=True)
    n_attempts = models.PositiveSmallIntegerField(default=0)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "case", "repeat"], name="result_once")]
        indexes = [
            models.Index("run", "position", name="result_in_run"),
            models.Index(
                "run",
                "position",
                condition=models.Q(state__in=["pending", "running"]),
                name="result_open",
            ),
            models.Index("lease_until", condition=models.Q(state="running"), name="result_leased"),
            models.Index("run", condition=models.Q(state="error"), name="result_unanswered"),
        ]

    def __str__(self) -> str:
        return f"run {self.run_id}, case {self.case_id}, repeat {self.repeat}"


class Score(models.Model):
    """One mark of one result by one evaluator version and source.

    `value` is 1 or 0 for yes/no, the grade for numbers, empty for categories, whose text is `label`.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="scores")
    result = models.ForeignKey(Result, on_delete=models.CASCADE, related_name="scores")
    evaluator_version = models.ForeignKey(EvaluatorVersion, on_delete=models.PROTECT, related_name="+")
    source = models.CharField(max_length=10, choices=choices(ScoreSource))
    scored_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    state = models.CharField(max_length=10, choices=choices(ScoreState))
    value = models.FloatField(null=True, blank=True)
    label = models.CharField(max_length=200, blank=True)
    reason = models.CharField(max_length=2000, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["result", "evaluator_version"],
                condition=models.Q(source__in=["code", "judge"]),
                name="score_by_machine_once",
            )
        ]
        indexes = [
            models.Index("run", "evaluator_version", "state", "value", name="score_in_run"),
        ]

    def __str__(self) -> str:
        return f"result {self.result_id}: {self.state}"
