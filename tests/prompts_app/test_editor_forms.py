"""What the editor makes of what was posted."""

from __future__ import annotations

import pytest
from django.http import QueryDict

from prompts_app.forms import MessageRow, changed_rows, next_role, posted_rows, posted_values, tags_of
from prompts_app.services.prompts import MOST_CHARS
from prompts_app.views.findings import findings


def rows(*texts: str) -> list[MessageRow]:
    return [MessageRow("user", text) for text in texts]


def texts(found: list[MessageRow]) -> str:
    return "".join(row.content for row in found)


@pytest.mark.parametrize(
    ("do", "expected"),
    [
        ("up-1", "bac"),
        ("up-0", "abc"),
        ("down-1", "acb"),
        ("down-2", "abc"),
        ("remove-0", "bc"),
        ("remove-9", "abc"),
        ("up-x", "abc"),
        ("remove--1", "abc"),
        ("nonsense", "abc"),
        ("", "abc"),
    ],
)
def test_buttons_move_and_remove(do: str, expected: str) -> None:
    before = rows("a", "b", "c")
    assert texts(changed_rows(before, do=do)) == expected
    assert texts(before) == "abc", "what was handed over stays"


def test_adding_takes_turns() -> None:
    assert next_role([]) == "user"
    assert next_role([MessageRow("system", "x")]) == "user"
    assert next_role(rows("x")) == "assistant"
    assert changed_rows(rows("a"), do="add")[-1] == MessageRow("assistant", "")


def test_messages_are_read_in_order_with_plain_line_ends() -> None:
    data = QueryDict(mutable=True)
    data.setlist("role", ["system", "user"])
    data.setlist("content", ["one\r\ntwo\rthree ", "  {{x}}"])
    found = posted_rows(data)
    assert [(row.role, row.content) for row in found] == [("system", "one\ntwo\nthree "), ("user", "  {{x}}")]


def test_values_belong_to_the_variable_before_them() -> None:
    data = QueryDict(mutable=True)
    data.setlist("variable", ["name", "question"])
    data.setlist("value", ["", "a\r\nb"])
    assert posted_values(data) == {"name": "", "question": "a\nb"}


def test_tags_are_short_words_each_once() -> None:
    assert tags_of(" a, b ,a,,  long   word , ") == ["a", "b", "long word"]
    assert len(tags_of(",".join(map(str, range(99))))) == 20
    assert len(tags_of("x" * 99)[0]) == 60


def test_variables_are_found_over_all_messages_with_their_values() -> None:
    found = findings(rows("{{b}} {{a}}", "{{a}} {{ c d }}"), {"a": "typed", "gone": "x"})
    assert [(variable.name, variable.value) for variable in found.variables] == [
        ("b", ""),
        ("a", "typed"),
        ("c d", ""),
    ]
    assert len({variable.field_id for variable in found.variables}) == 3
    assert (found.problems, found.hints) == ([], [])


def test_problems_name_message_line_and_column() -> None:
    found = findings(rows("fine", "one\ntwo {{three"), {})
    assert found.problems[0].startswith("Message 2, line 2, column 5: These braces are not closed")
    alone = findings(rows("{{"), {})
    assert alone.problems[0].startswith("Line 1, column 1: ")


def test_single_braces_get_a_hint_once() -> None:
    found = findings(rows("Hi {name}, {name}", '{"json": 1} {other}'), {})
    assert len(found.hints) == 2
    assert found.hints[0].startswith("{name} has single braces")
    assert "{{name}}" in found.hints[0]


def test_a_text_beyond_the_limit_is_one_sentence() -> None:
    found = findings(rows("{{" * MOST_CHARS), {})
    assert found.problems == ["The prompt has 2,000,000 characters; 1,000,000 are allowed. Shorten it."]
