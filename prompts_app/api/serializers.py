"""What the API takes and shows of prompts."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from llmops.core.api.serializers import OneOf, StrictSerializer
from prompts_app.choices import PromptKind
from prompts_app.models import Prompt, PromptVersion


class MessageBody(StrictSerializer):
    role = OneOf(["system", "user", "assistant"])
    content = serializers.CharField(allow_blank=True, trim_whitespace=False)


class ModelBody(serializers.Serializer[Any]):
    """Connection, model and settings; settings with no field here are handed to the vendor as they are."""

    connection = serializers.CharField(required=False, allow_blank=True, default="")
    model = serializers.CharField(required=False, allow_blank=True, default="", max_length=200)
    temperature = serializers.FloatField(required=False, allow_null=True, default=None)
    max_tokens = serializers.IntegerField(required=False, allow_null=True, default=None)

    def to_internal_value(self, data: Any) -> Any:
        known = super().to_internal_value(data)
        options = {name: value for name, value in data.items() if name not in self.fields}
        return {**known, "options": options}


class VersionBody(StrictSerializer):
    messages = MessageBody(many=True, required=False)
    text = serializers.CharField(required=False, allow_blank=True, trim_whitespace=False)
    model = ModelBody(required=False)
    output_schema = serializers.JSONField(required=False, allow_null=True, default=None)
    message = serializers.CharField(required=False, allow_blank=True, default="", max_length=300)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("messages" in attrs) == ("text" in attrs):
            raise serializers.ValidationError({"messages": "Send either messages (chat) or text (text), not both."})
        return attrs

    def validate_output_schema(self, value: Any) -> Any:
        if value is not None and not isinstance(value, dict):
            raise serializers.ValidationError("An output schema is a JSON Schema object.")
        return value


class PromptBody(VersionBody):
    name = serializers.CharField(max_length=120, trim_whitespace=False)
    kind = OneOf([kind.value for kind in PromptKind], required=False)
    tags = serializers.ListField(child=serializers.CharField(max_length=60), required=False, default=list)


class VersionShown(serializers.Serializer[Any]):
    """One version. `text` is there for text prompts."""

    name = serializers.CharField()
    kind = OneOf([kind.value for kind in PromptKind])
    version = serializers.IntegerField()
    messages = MessageBody(many=True)
    text = serializers.CharField(required=False)
    model = ModelBody()
    output_schema = serializers.JSONField(allow_null=True)
    variables = serializers.ListField(child=serializers.CharField())
    message = serializers.CharField()
    tags = serializers.ListField(child=serializers.CharField())
    created_at = serializers.DateTimeField()


class PromptShown(serializers.Serializer[Any]):
    """A prompt in the list, with its newest version's number."""

    name = serializers.CharField()
    kind = serializers.CharField()
    latest_version = serializers.IntegerField()
    tags = serializers.ListField(child=serializers.CharField())
    updated_at = serializers.DateTimeField()


def version_shown(prompt: Prompt, version: PromptVersion) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "name": prompt.name,
        "kind": prompt.kind,
        "version": version.number,
        "messages": version.messages,
        "model": {
            "connection": version.connection.name if version.connection else "",
            "model": version.model,
            "temperature": version.temperature,
            "max_tokens": version.max_tokens,
            **version.model_options,
        },
        "output_schema": version.output_schema,
        "variables": version.variables,
        "message": version.message,
        "tags": prompt.tags,
        "created_at": version.created_at.isoformat(),
    }
    if prompt.kind == PromptKind.TEXT:
        shown["text"] = version.messages[0]["content"]
    return shown


def prompt_shown(prompt: Any) -> dict[str, Any]:
    return {
        "name": prompt.name,
        "kind": prompt.kind,
        "latest_version": prompt.latest_number,
        "tags": prompt.tags,
        "updated_at": prompt.updated_at.isoformat(),
    }
