"""What the API takes and shows of the core."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from rest_framework import serializers

from llmops.core.models import Connection
from llmops.core.services import ConnectionSettings
from llmops.core.services.connections import MOST_A_MINUTE
from llmops.providers.base import Vendor


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields that it does not know, so that a misspelt one is not silently left out."""

    default_error_messages: ClassVar = {"invalid": "Send a JSON object with fields here, not {datatype}."}

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and (unknown := set(data) - set(self.fields)):
            raise serializers.ValidationError(
                {
                    name: [f"There is no field “{name}”. There are: {', '.join(self.fields)}."]
                    for name in sorted(unknown)
                }
            )
        return super().to_internal_value(data)


class OneOf(serializers.ChoiceField):
    """One of a few words; a wrong one is answered with those that are right."""

    def __init__(self, choices: Sequence[str], **options: Any) -> None:
        listed = ", ".join(choices)
        options["error_messages"] = {"invalid_choice": f"“{{input}}” is none of the choices. Send one of: {listed}."}
        super().__init__(choices=list(choices), **options)


class ConnectionBody(StrictSerializer):
    name = serializers.CharField(max_length=80)
    vendor = OneOf([vendor.value for vendor in Vendor])
    base_url = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")
    api_key = serializers.CharField(max_length=1000, required=False, allow_blank=True, default="", write_only=True)
    default_model = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    requests_per_minute = serializers.IntegerField(
        min_value=1, max_value=MOST_A_MINUTE, required=False, allow_null=True, default=None
    )
    tokens_per_minute = serializers.IntegerField(
        min_value=1, max_value=MOST_A_MINUTE, required=False, allow_null=True, default=None
    )


class ConnectionShown(serializers.Serializer[Any]):
    """A connection without its key; `api_key_hint` are the key's last four letters."""

    name = serializers.CharField()
    vendor = serializers.CharField()
    base_url = serializers.CharField()
    api_key_hint = serializers.CharField()
    default_model = serializers.CharField()
    requests_per_minute = serializers.IntegerField(allow_null=True)
    tokens_per_minute = serializers.IntegerField(allow_null=True)
    created_at = serializers.DateTimeField()


class ConnectionTested(serializers.Serializer[Any]):
    ok = serializers.BooleanField()
    message = serializers.CharField()
    latency_ms = serializers.IntegerField(allow_null=True)


def connection_shown(connection: Connection) -> dict[str, Any]:
    return dict(ConnectionShown(connection).data)


def connection_settings(body: dict[str, Any]) -> ConnectionSettings:
    return ConnectionSettings(**{**body, "vendor": Vendor(body["vendor"])})
