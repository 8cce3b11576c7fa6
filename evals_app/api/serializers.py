"""What the API takes of evaluation."""

from __future__ import annotations

import json
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from evals_app.choices import ResultState, RunState, ScoreState
from evals_app.engine.case_files import CaseRow
from llmops.core.api.serializers import OneOf, StrictSerializer

RUN_STATES = [state.value for state in RunState]


class DatasetBody(StrictSerializer):
    name = serializers.CharField(max_length=120, trim_whitespace=False)
    description = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")
    input_schema = serializers.JSONField(required=False, allow_null=True, default=None)


class DatasetShown(serializers.Serializer[Any]):
    name = serializers.CharField()
    description = serializers.CharField()
    revision = serializers.IntegerField()
    n_cases = serializers.IntegerField()
    columns = serializers.ListField(child=serializers.CharField())
    updated_at = serializers.DateTimeField()


@extend_schema_field(OpenApiTypes.STR)
class PlainTextField(serializers.Field[str | None, Any, Any, Any]):
    """Text; numbers, yes/no and nested values are taken as their JSON text, as a spreadsheet would show them."""

    def to_internal_value(self, data: Any) -> str:
        return data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)

    def to_representation(self, value: str | None) -> str | None:
        return value


class CaseBody(StrictSerializer):
    key = serializers.CharField(max_length=200, required=False, allow_null=True, allow_blank=True)
    inputs = serializers.DictField(child=PlainTextField(allow_null=True))
    expected = PlainTextField(required=False, allow_null=True)
    reference = PlainTextField(required=False, allow_null=True)
    previous = PlainTextField(required=False, allow_null=True)
    feedback = PlainTextField(required=False, allow_null=True)
    tags = serializers.ListField(child=serializers.CharField(max_length=60), required=False)
    group = serializers.CharField(max_length=200, required=False, allow_blank=True, allow_null=True)
    metadata = serializers.DictField(required=False, allow_null=True)


@extend_schema_field(CaseBody(many=True))
class CaseBodiesField(serializers.ListField):
    """Cases as they came: each is checked by itself, so that what is wrong is told by its row."""

    child = serializers.DictField()


class CasesBody(StrictSerializer):
    cases = CaseBodiesField(allow_empty=False, max_length=50_000)
    partial = serializers.BooleanField(required=False, default=False)
    message = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")


class CaseShown(CaseBody):
    id = serializers.CharField()


class RowProblemShown(serializers.Serializer[Any]):
    row = serializers.IntegerField()
    field = serializers.CharField()
    message = serializers.CharField()


class CasesStored(serializers.Serializer[Any]):
    revision = serializers.IntegerField()
    added = serializers.IntegerField()
    updated = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    errors = RowProblemShown(many=True, required=False)


class EvaluatorBody(StrictSerializer):
    name = serializers.CharField(max_length=120, trim_whitespace=False)
    kind = serializers.CharField(max_length=40)
    config = serializers.DictField(required=False, default=dict)
    margin = serializers.FloatField(required=False, default=2.0)


class EvaluatorShown(serializers.Serializer[Any]):
    name = serializers.CharField()
    kind = serializers.CharField()
    version = serializers.IntegerField()
    config = serializers.DictField()
    value_type = serializers.CharField()
    direction = serializers.CharField()
    margin = serializers.FloatField()


class EvaluatorKindShown(serializers.Serializer[Any]):
    kind = serializers.CharField()
    title = serializers.CharField()
    summary = serializers.CharField()
    needs = serializers.ListField(child=serializers.CharField())
    uses_model = serializers.BooleanField()
    config_schema = serializers.DictField()


class OutputBody(StrictSerializer):
    case = serializers.CharField(max_length=200)
    output = serializers.CharField(allow_blank=True, trim_whitespace=False)
    scores = serializers.DictField(required=False, default=dict)


class RunModelBody(StrictSerializer):
    connection = serializers.CharField(required=False, allow_blank=True, default="")
    model = serializers.CharField(required=False, allow_blank=True, default="", max_length=200)


class RunBody(StrictSerializer):
    dataset = serializers.CharField()
    prompt = serializers.CharField(required=False)
    version = serializers.IntegerField(required=False, min_value=1)
    model = RunModelBody(required=False)
    evaluators = serializers.ListField(child=serializers.CharField(), required=False, default=list)
    repeats = serializers.IntegerField(required=False, default=1)
    concurrency = serializers.IntegerField(required=False, default=10)
    budget_usd = serializers.DecimalField(16, 6, required=False, allow_null=True, default=None)
    sample = serializers.IntegerField(required=False, allow_null=True, default=None)
    split = serializers.CharField(required=False, allow_blank=True, default="", max_length=60)
    label = serializers.CharField(required=False, allow_blank=True, default="", max_length=200)
    outputs = OutputBody(many=True, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("prompt" in attrs) == ("outputs" in attrs):
            raise serializers.ValidationError(
                {"prompt": "Send either a prompt to run, or outputs made elsewhere, not both."}
            )
        return attrs


class EstimateShown(serializers.Serializer[Any]):
    estimate = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    n = serializers.IntegerField()
    method = serializers.CharField()
    unscored = serializers.IntegerField()
    error = serializers.IntegerField()
    skipped = serializers.IntegerField()
    categories = serializers.DictField(child=serializers.IntegerField(), required=False)


class QuoteShown(serializers.Serializer[Any]):
    calls = serializers.IntegerField()
    cost_usd = serializers.FloatField(allow_null=True)
    seconds = serializers.FloatField(allow_null=True)


class RunCreated(serializers.Serializer[Any]):
    id = serializers.CharField()
    state = OneOf(RUN_STATES)
    quote = QuoteShown()


class WaitingShown(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()
    until = serializers.DateTimeField(allow_null=True)


class RunShown(serializers.Serializer[Any]):
    id = serializers.CharField()
    state = OneOf(RUN_STATES)
    reason = serializers.CharField(required=False)
    waiting_for = WaitingShown(many=True)
    counts = serializers.DictField(child=serializers.IntegerField())
    scores = serializers.DictField(child=EstimateShown())
    cost_usd = serializers.FloatField(allow_null=True)
    usage = serializers.DictField(child=serializers.IntegerField())
    dataset = serializers.CharField()
    revision = serializers.IntegerField()
    prompt = serializers.CharField(allow_null=True)
    version = serializers.IntegerField(allow_null=True)
    model = serializers.CharField(allow_null=True)
    label = serializers.CharField(allow_blank=True)
    quote = QuoteShown()
    budget_usd = serializers.FloatField(allow_null=True)
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


class RunResumeBody(StrictSerializer):
    budget_usd = serializers.DecimalField(16, 6, required=False, allow_null=True, default=None)


class RunRescoreBody(StrictSerializer):
    evaluators = serializers.ListField(child=serializers.CharField(), required=False, default=list)


class ScoreShown(serializers.Serializer[Any]):
    state = OneOf([state.value for state in ScoreState])
    value = serializers.JSONField(allow_null=True)
    reason = serializers.CharField()
    source = serializers.CharField()


class ResultShown(serializers.Serializer[Any]):
    id = serializers.CharField()
    case = serializers.CharField()
    repeat = serializers.IntegerField()
    state = OneOf([state.value for state in ResultState])
    reason = serializers.CharField(required=False)
    error_kind = serializers.CharField(required=False)
    inputs = serializers.DictField()
    expected = serializers.CharField(allow_null=True)
    output = serializers.CharField(allow_null=True)
    scores = serializers.DictField(child=ScoreShown())
    latency_ms = serializers.IntegerField(allow_null=True)
    cost_usd = serializers.FloatField(allow_null=True)
    usage = serializers.DictField()
    attempts = serializers.IntegerField()


def case_row(body: dict[str, Any]) -> CaseRow:
    """A checked case body as a row."""
    return CaseRow(
        key=body.get("key") or None,
        inputs={name: text or "" for name, text in body["inputs"].items()},
        expected=body.get("expected"),
        reference=body.get("reference"),
        previous=body.get("previous"),
        feedback=body.get("feedback"),
        tags=body.get("tags") or [],
        group=body.get("group") or None,
        metadata=body.get("metadata") or {},
    )
