"""Bodies that no client of ours sends."""

from __future__ import annotations

import io

import pytest
from rest_framework.exceptions import ParseError

from llmops.core.api.parsing import BoundedJSONParser


def test_json_nested_too_deeply_is_the_senders_mistake() -> None:
    with pytest.raises(ParseError, match="nested too deeply"):
        BoundedJSONParser().parse(io.BytesIO(b"[" * 100_000), "application/json", {})


def test_ordinary_json_is_read() -> None:
    assert BoundedJSONParser().parse(io.BytesIO(b'{"a": [1]}'), "application/json", {}) == {"a": [1]}
