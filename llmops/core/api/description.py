"""What the OpenAPI document says of all addresses alike: pages of a list, errors, calls that may be sent twice."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter

PAGE_SIZE = 100
MOST_PER_PAGE = 500
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="Sent again with the same key, the call is done once and answered alike, for 24 hours.",
)
_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "fields"],
            "properties": {
                "code": {"type": "string", "description": "For programs, such as invalid or not_found."},
                "message": {"type": "string", "description": "For people: what is wrong, and what to do."},
                "fields": {
                    "type": "array",
                    "description": "What is wrong by field, and by row where there are rows.",
                    "items": {
                        "type": "object",
                        "required": ["field", "message"],
                        "properties": {
                            "row": {"type": "integer"},
                            "field": {"type": "string"},
                            "message": {"type": "string"},
                        },
                    },
                },
            },
        }
    },
}


class Pages:
    """The form of every list, for where the framework asks a paginator; `ProjectAPIView.page` makes them."""

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        following = {"type": "string", "nullable": True, "description": "The next page's cursor; null on the last."}
        return {
            "type": "object",
            "required": ["results", "next"],
            "properties": {"results": schema, "next": following},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        limit = {"type": "integer", "minimum": 1, "maximum": MOST_PER_PAGE, "default": PAGE_SIZE}
        cursor = {"name": "cursor", "in": "query", "schema": {"type": "string"}, "description": "`next` of a page."}
        return [{"name": "limit", "in": "query", "schema": limit}, cursor]


def describe_errors(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Give each call the answer that it has when something is wrong. Called with the finished document."""
    result["components"]["schemas"]["Error"] = _ERROR
    reference = {"schema": {"$ref": "#/components/schemas/Error"}}
    for methods in result["paths"].values():
        for call in methods.values():
            call["responses"]["default"] = {
                "description": "Something is wrong.",
                "content": {"application/json": reference},
            }
    return result
