"""json_schema: strict JSON, any draft, nothing fetched, nothing that runs for long."""

import gc
import json
import socket
import time

import pytest

from evals_app.engine import KINDS, ConfigError, Sample, ScoreState, mark
from evals_app.engine.json_schemas import BadSchema, check_schema, first_misfit
from evals_app.engine.safe_regex import TooSlow

TICKET = {
    "type": "object",
    "required": ["urgency", "answer"],
    "additionalProperties": False,
    "properties": {
        "urgency": {"type": "integer", "minimum": 1, "maximum": 5},
        "answer": {"type": "string", "minLength": 1},
        "tags": {"type": "array", "items": {"enum": ["card", "loan"]}, "uniqueItems": True},
    },
}


def judged(output, schema=TICKET, **config):
    return mark("json_schema", {"schema": schema, **config}, Sample({}, output))


def fence(text, label="json"):
    return f"```{label}\n{text}\n```"


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ('{"urgency": 2, "answer": "x"}', "The answer is JSON of the wanted form."),
        (' \n{"urgency": 2.0, "answer": "x", "tags": ["card"]}\n', "The answer is JSON of the wanted form."),
        ('{"answer": "x"}', "The answer lacks “urgency”."),
        ('{"urgency": "2", "answer": "x"}', "“urgency” must be a whole number."),
        ('{"urgency": true, "answer": "x"}', "“urgency” must be a whole number."),
        ('{"urgency": 9, "answer": "x"}', "“urgency” must be 5 or less."),
        ('{"urgency": 2, "answer": ""}', "“answer” must not be empty."),
        ('{"urgency": 2, "answer": "x", "mood": 1}', "The answer has “mood”, which is not allowed."),
        ('{"urgency": 2, "answer": "x", "tags": ["card", "bill"]}', "“tags[1]” must be one of: card, loan."),
        ('{"urgency": 2, "answer": "x", "tags": ["card", "card"]}', "“tags” has the same entry twice."),
        ("[]", "The answer must be an object."),
        ("null", "The answer must be an object."),
    ],
)
def test_the_form_is_checked_and_the_reason_is_plain(output, reason):
    found = judged(output)
    assert found.state == ScoreState.SCORED
    assert found.reason == reason
    assert found.value == (1.0 if "wanted form" in reason else 0.0)


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("", "it is empty"),
        ("  \n", "it is empty"),
        ("Sure! Here it is.", "line 1, column 1"),
        ('Here: {"urgency": 2}', "not JSON"),
        ('{"urgency": 2} Anything else?', "something follows after the JSON"),
        ('{"urgency": 2}{"urgency": 3}', "something follows after the JSON"),
        ('{"urgency": 2', "not JSON"),
        ('{"urgency":', "ends too early"),
        ('{"urgency": "2', "a text is not closed"),
        ("{'urgency': 2}", "not JSON"),
        ('{"urgency": 2,}', "not JSON"),
        ('{"urgency": NaN}', "NaN is no JSON number"),
        ("-Infinity", "-Infinity is no JSON number"),
        ("[" * 100_000, "nested too deeply"),
        ("9" * 5_000, "The answer is not JSON"),
        ("\ufeff{}", "The answer is not JSON"),
        ("undefined", "not JSON"),
    ],
)
def test_what_is_not_json_is_no(output, words):
    found = judged(output)
    assert (found.state, found.value) == (ScoreState.SCORED, 0.0)
    assert words in found.reason


@pytest.mark.parametrize(
    "output",
    [
        fence("{}"),
        fence("{}", ""),
        fence("{}", "JSON"),
        "\n" + fence("\n{}\n") + "\n",
        "~~~\n{}\n~~~",
        "```json\r\n{}\r\n```",
    ],
)
def test_a_code_fence_is_accepted_when_asked_for(output):
    assert judged(output, {"type": "object"}, accept_fence=True).value == 1.0
    refused = judged(output, {"type": "object"})
    assert refused.value == 0.0
    assert "code fence" in refused.reason


@pytest.mark.parametrize(
    "output",
    ["Here:\n" + fence("{}"), fence("{}") + "\nDone.", fence("{}") + "\n" + fence("{}"), "```json {}```"],
)
def test_a_fence_with_other_text_is_not(output):
    assert judged(output, {}, accept_fence=True).value == 0.0


def test_without_a_schema_any_json_will_do():
    for text in ("1", '"x"', "[]", "{}", "null", "true"):
        assert judged(text, {}).value == 1.0
        assert mark("json_schema", {}, Sample({}, text)).value == 1.0
    assert judged("1", True).value == 1.0
    assert judged("1", False).reason == "The answer is not allowed."


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"multipleOf": 0.01}, 0.07, 0.075),
        ({"multipleOf": 1e-320}, 1e308, 5e-324),
        ({"uniqueItems": True}, [1, True, "1", [1], {"a": 1}], [1, 1.0]),
        ({"uniqueItems": True}, [0, False], [{"a": [1, 2]}, {"a": [1.0, 2]}]),
        ({"pattern": "^[A-Z]{2}$"}, "AB", "ABC"),
        ({"pattern": "^\\w+$"}, "abc", "äbc"),
        (
            {"patternProperties": {"^n_": {"type": "integer"}}, "additionalProperties": False},
            {"n_a": 1},
            {"m_a": 1},
        ),
        (
            {"patternProperties": {"^n_": {"type": "integer"}}, "additionalProperties": {"type": "string"}},
            {"a": "x"},
            {"a": 1},
        ),
        ({"propertyNames": {"pattern": "^[a-z]+$"}}, {"a": 1}, {"A": 1}),
        ({"$ref": "#/$defs/x", "$defs": {"x": {"type": "string"}}}, "a", 1),
        ({"$id": "https://e.com/a", "$defs": {"b": {"$id": "b", "type": "integer"}}, "$ref": "b"}, 1, "1"),
        ({"$anchor": "x", "items": {"$ref": "#x"}, "type": "array"}, [[], [[]]], [1]),
        ({"type": "array", "items": {"$ref": "#"}}, [[[]]], [[1]]),
        ({"unevaluatedProperties": False, "allOf": [{"properties": {"a": True}}]}, {"a": 1}, {"b": 1}),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, 1, 1.5),
        ({"const": {"a": [1]}}, {"a": [1]}, {"a": [2]}),
        ({"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "string"}]}, ["a"], [1]),
        (
            {"$schema": "http://json-schema.org/draft-04/schema#", "maximum": 3, "exclusiveMaximum": True},
            2,
            3,
        ),
        (
            {"$schema": "https://json-schema.org/draft/2020-12/schema", "prefixItems": [{"type": "string"}]},
            ["a"],
            [1],
        ),
    ],
)
def test_keywords_of_all_drafts(schema, good, bad):
    check_schema(schema)
    assert first_misfit(schema, good) is None
    assert first_misfit(schema, bad) is not None


@pytest.fixture
def listener():
    """A server that can tell whether anybody came."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


@pytest.mark.parametrize("keyword", ["$ref", "$dynamicRef"])
def test_remote_references_are_refused_and_never_fetched(keyword, listener):
    address = f"http://127.0.0.1:{listener.getsockname()[1]}/schema.json"
    for schema in (
        {keyword: address},
        {"properties": {"a": {keyword: address}}},
        {"$id": address, "items": {keyword: "other.json"}},
        {"$defs": {"x": {"allOf": [{keyword: address + "#/y"}]}}},
    ):
        with pytest.raises(ConfigError, match="does not hold") as refused:
            KINDS["json_schema"].check_config({"schema": schema})
        assert refused.value.field == "schema"
        judged('{"a": [1]}', schema)
    with pytest.raises(BlockingIOError):
        listener.accept()


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"$ref": "file:///etc/passwd"}, "does not hold"),
        ({"$ref": "#/$defs/lost"}, "does not hold"),
        ({"$ref": "#lost"}, "does not hold"),
        ({"$ref": "https://json-schema.org/draft/2020-12/schema"}, "does not hold"),
        ({"items": {"$schema": "http://json-schema.org/draft-07/schema#"}}, "at the top only"),
        ({"$schema": "https://example.com/mine"}, "is not known"),
        ({"$schema": 7}, "is not known"),
        ({"type": "strin"}, "wrong at type"),
        ({"properties": 5}, "wrong at properties"),
        ({"required": "a"}, "wrong at required"),
        ({"pattern": "("}, "round bracket"),
        ({"pattern": "(?!a)b"}, "Look-ahead"),
        ({"patternProperties": {"[": {}}}, "square bracket"),
        ({"items": {"items": {"pattern": "((a{10}){10}){10}{10}"}}}, "cannot be used"),
        ({"unevaluatedProperties": False, "patternProperties": {"a": {}}}, "additionalProperties"),
        ({"enum": [{"a": n} for n in range(600)]}, "more than 500"),
        ({"description": "x" * 200_001}, "characters"),
        ({"minimum": float("nan")}, "no JSON"),
        ([], "object"),
        ("{}", "object"),
        (None, "object"),
    ],
)
def test_unusable_schemas_are_refused_with_a_sentence(schema, words):
    with pytest.raises(BadSchema, match=words):
        check_schema(schema)
    with pytest.raises(ConfigError) as refused:
        KINDS["json_schema"].check_config({"schema": schema})
    assert refused.value.message.endswith((".", "/$defs/name."))


def test_a_schema_nested_too_deeply_is_refused():
    schema: dict = {}
    for _ in range(5_000):
        schema = {"items": schema}
    with pytest.raises(BadSchema, match="deeply"):
        check_schema(schema)


def doubling(keyword, depth=40):
    steps = {f"s{n}": {keyword: [{"$ref": f"#/$defs/s{n + 1}"}] * 2} for n in range(depth)}
    return {"$defs": {**steps, f"s{depth}": {"type": "null"}}, "$ref": "#/$defs/s0"}


TREE = {
    "anyOf": [
        {"type": "array", "items": {"$ref": "#"}, "minItems": 2},
        {"type": "array", "items": {"$ref": "#"}, "maxItems": 1},
    ]
}


@pytest.mark.parametrize(
    ("schema", "output"),
    [
        (doubling("allOf"), "null"),
        (doubling("anyOf"), "1"),
        (doubling("oneOf"), "1"),
        ({"$ref": "#"}, "1"),
        ({"allOf": [{"$ref": "#"}]}, "1"),
        ({"not": {"$ref": "#"}}, "1"),
        (TREE, "[" * 150 + "]" * 150),
        ({"items": {"$ref": "#"}}, "[" * 900 + "]" * 900),
        ({"uniqueItems": True}, json.dumps([{"a": n} for n in range(300_000)])),
        ({"pattern": "(a+)+$"}, json.dumps("a" * 50_000 + "b")),
        ({"items": {"pattern": "(a?){999}a{999}b"}}, json.dumps(["a" * 20_000] * 200)),
        (
            {"patternProperties": {"(a+)+$": {}}, "additionalProperties": False},
            json.dumps({"a" * 5_000 + "b": 1}),
        ),
        ({"additionalProperties": {"type": "string"}}, json.dumps({f"k{n}": 1 for n in range(100_000)})),
        ({"items": {"enum": list(range(5_000))}}, json.dumps([-1] * 50_000)),
    ],
)
def test_hostile_schemas_and_answers_end_within_a_second(schema, output):
    check_schema(schema)
    gc.freeze()  # what other tests left behind is not looked through here
    started = time.process_time()
    found = judged(output, schema)
    took_s = time.process_time() - started
    gc.unfreeze()
    assert took_s < 1.9  # the limit of a second, and reading a few megabytes of JSON
    assert found.state in (ScoreState.SCORED, ScoreState.UNSCORED)


def test_what_could_not_be_told_is_unscored():
    found = judged("1", doubling("anyOf"))
    assert (found.state, found.value) == (ScoreState.UNSCORED, None)
    with pytest.raises(TooSlow):
        first_misfit(doubling("allOf"), None)


def test_a_stored_schema_that_is_no_longer_accepted_is_an_error_and_not_a_no():
    found = judged("1", {"$ref": "#/lost"})
    assert (found.state, found.value) == (ScoreState.ERROR, None)
