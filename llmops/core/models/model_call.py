"""The ledger of model calls: one row per attempt."""

from __future__ import annotations

import uuid

from django.db import models

from llmops.core.choices import CallState
from llmops.enums import choices


class ModelCall(models.Model):
    """One attempt at a model call, written before anything is sent.

    The table is partitioned by month of `started_at` and kept by RunSQL migrations; its key in the database is
    (started_at, id). References are plain numbers, so that dropping a partition never waits for other tables.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    started_at = models.DateTimeField()
    project_id = models.BigIntegerField()
    purpose = models.CharField(max_length=20)
    run_id = models.BigIntegerField(null=True)
    result_id = models.BigIntegerField(null=True)
    prompt_version_id = models.BigIntegerField(null=True)
    evaluator_version_id = models.BigIntegerField(null=True)
    user_id = models.BigIntegerField(null=True)
    connection_id = models.BigIntegerField()
    vendor = models.CharField(max_length=30)
    model = models.CharField(max_length=200)
    attempt = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=20, choices=choices(CallState))
    finished_at = models.DateTimeField(null=True)
    latency_ms = models.IntegerField(null=True)
    first_token_ms = models.IntegerField(null=True)
    input_tokens = models.IntegerField(null=True)
    output_tokens = models.IntegerField(null=True)
    cached_input_tokens = models.IntegerField(null=True)
    cost_usd = models.DecimalField(max_digits=16, decimal_places=9, null=True)
    input_usd_per_mtok = models.DecimalField(max_digits=14, decimal_places=6, null=True)
    output_usd_per_mtok = models.DecimalField(max_digits=14, decimal_places=6, null=True)
    price_source = models.CharField(max_length=120, default="")
    error_kind = models.CharField(max_length=30, default="")
    error_message = models.CharField(max_length=1000, default="")
    status_code = models.SmallIntegerField(null=True)
    retry_after_s = models.FloatField(null=True)
    finish_reason = models.CharField(max_length=30, default="")
    response_model = models.CharField(max_length=200, default="")
    response_id = models.CharField(max_length=200, default="")

    class Meta:
        managed = False
        db_table = "core_modelcall"

    def __str__(self) -> str:
        return f"{self.vendor}/{self.model} attempt {self.attempt}: {self.state}"
