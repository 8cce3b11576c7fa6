"""The variable language of prompts: what it puts in, what it refuses, and that it stays linear."""

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompts_app import rendering
from prompts_app.rendering import (
    BrokenTemplate,
    MissingVariable,
    RenderedTooLong,
    check_template,
    is_variable_name,
    render,
    single_brace_names,
    variables_in,
)


@pytest.mark.parametrize(
    ("text", "inputs", "expected"),
    [
        ("", {}, ""),
        ("No variables.", {}, "No variables."),
        ("Hello {{name}}!", {"name": "Ann"}, "Hello Ann!"),
        ("{{a}}{{b}}{{a}}", {"a": "1", "b": "2"}, "121"),
        ("{{ a }}|{{\ta\t}}|{{  a}}|{{\na\n}}", {"a": "x"}, "x|x|x|x"),
        ("{{customer question}}", {"customer question": "Why?"}, "Why?"),
        ("{{user.name}} {{user-id}}", {"user.name": "a", "user-id": "b"}, "a b"),
        ("{{_x}} {{2nd}}", {"_x": "c", "2nd": "d"}, "c d"),
        ("{{Größe}} {{質問}} {{प्रश्न}}", {"Größe": "1", "質問": "2", "प्रश्न": "3"}, "1 2 3"),
        ("{{a}}", {"a": "", "unused": "x"}, ""),
        ("{{a}}", {"a": "{{b}} {{a}} \\{{ {"}, "{{b}} {{a}} \\{{ {"),  # a value is never looked at again
        ("{{a}}", {"a": "line 1\r\nline 2\t\x00"}, "line 1\r\nline 2\t\x00"),
        ("A\r\nB {{a}}", {"a": "x"}, "A\r\nB x"),
        ('{"a": {"b": {"c": 1}}}', {}, '{"a": {"b": {"c": 1}}}'),
        ('{"user": {{user}}}', {"user": '"Ann"'}, '{"user": "Ann"}'),
        ("{{a}}}}", {"a": "x"}, "x}}"),
        ("} }} }}} { {a} {% if x %} ${x} %s <a>", {}, "} }} }}} { {a} {% if x %} ${x} %s <a>"),
        (r"\{{a}}", {}, "{{a}}"),
        (r"\{{a}} {{a}}", {"a": "x"}, "{{a}} x"),
        (r"\{{", {}, "{{"),
        (r"\{{{a}}}", {}, "{{{a}}}"),
        (r"\\{{a}}", {"a": "x"}, r"\x"),
        (r"C:\dir\ {a} \n \{ \}}", {}, r"C:\dir\ {a} \n \{ \}}"),
        ("{{a}}\\{{b}}{{c}}", {"a": "1", "c": "3"}, "1{{b}}3"),
    ],
)
def test_renders(text, inputs, expected):
    assert check_template(text) == []
    assert render(text, inputs) == expected


def test_names_are_compared_in_composed_form():
    decomposed = unicodedata.normalize("NFD", "Größe é")
    assert decomposed != "Größe é"
    assert render("{{Größe é}}", {decomposed: "x"}) == "x"
    assert render("{{" + decomposed + "}}", {"Größe é": "x"}) == "x"
    assert variables_in("{{" + decomposed + "}} {{Größe é}}") == ["Größe é"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", []),
        ("{{b}} {{a}} {{b}} {{ a }}", ["b", "a"]),
        ("{{Name}} {{name}}", ["Name", "name"]),
        (r"\{{a}} \\{{b}} {{c", ["b"]),
        ("{{#a}} {{b}} {{/a}}", ["b"]),
    ],
)
def test_variables_in_order_and_once(text, names):
    assert variables_in(text) == names


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("{{", 1, 1, "not closed"),
        ("Hello {{name", 1, 7, "not closed"),
        ("Hello {{name}", 1, 7, "not closed"),
        ("Hello {{name} }", 1, 7, "not closed"),
        ("one\ntwo {{a\nthree {{b}}", 2, 5, "not closed"),
        ("{{a\nb}}", 1, 1, "not closed on their line"),
        ("é💡{{", 1, 3, "not closed"),
        ("a\r\nb {{", 2, 3, "not closed"),
        ("{{}}", 1, 1, "no name"),
        ("{{   }}", 1, 1, "no name"),
        ("{{{name}}}", 1, 1, "3 opening braces"),
        ("{{{{name}}}}", 1, 1, "4 opening braces"),
        ("{{#each}}x", 1, 1, "Sections"),
        ("{{ #if x }}", 1, 1, "Sections"),
        ("{{^a}}", 1, 1, "Inverted sections"),
        ("{{/a}}", 1, 1, "Take this tag out"),
        ("{{> header}}", 1, 1, "Including another text"),
        ("{{! note }}", 1, 1, "Comments"),
        ("{{& a}}", 1, 1, "without the &"),
        ("{{=<% %>=}}", 1, 1, "Other braces"),
        ("{{a|upper}}", 1, 1, "cannot be a name"),
        ("{{a + 1}}", 1, 1, "cannot be a name"),
        ("{{a()}}", 1, 1, "cannot be a name"),
        ("{{a  b}}", 1, 1, "cannot be a name"),
        ("{{-a}}", 1, 1, "cannot be a name"),
        ("{{.}}", 1, 1, "cannot be a name"),
        ("{{a}b}}", 1, 1, "cannot be a name"),
        ("{{a/b}}", 1, 1, "cannot be a name"),
        ('{{"a": 1}}', 1, 1, "two braces as they are"),
        ("{{👍}}", 1, 1, "cannot be a name"),
        ("{{na\u200bme}}", 1, 1, "cannot be seen"),
        ("{{" + "x" * 101 + "}}", 1, 1, "101 characters"),
        ("{{''.__class__.__mro__[1]}}", 1, 1, "cannot be a name"),
        ("{{range(10**9)}}", 1, 1, "cannot be a name"),
        ("{{'%1000000000d' % 1}}", 1, 1, "cannot be a name"),
    ],
)
def test_refuses_with_place_and_sentence(text, line, column, words):
    (problem,) = check_template(text)
    assert (problem.line, problem.column) == (line, column)
    assert words in problem.message
    assert problem.message.endswith(".")
    with pytest.raises(BrokenTemplate, match=f"Line {line}, column {column}"):
        render(text, {"a": "x", "name": "x", "b": "x"})


def test_all_problems_are_listed_with_their_places():
    problems = check_template("{{#a}}\n  {{}} and {{ok}}\n\nlast {{")
    assert [(found.line, found.column) for found in problems] == [(1, 1), (2, 3), (4, 6)]


def test_dunder_names_are_plain_keys():
    """There is no attribute access to escape through: a dotted name is one key."""
    assert render("{{x.__class__}}", {"x.__class__": "just text"}) == "just text"
    with pytest.raises(MissingVariable):
        render("{{x.__class__}}", {"x": "text"})


def test_missing_variables_are_all_named():
    with pytest.raises(MissingVariable) as missing:
        render("{{a}} {{b}} {{c}} {{b}}", {"a": "x"})
    assert missing.value.names == ["b", "c"]
    assert str(missing.value) == "No value was given for {{b}}, {{c}}."


def test_many_missing_variables_are_summed_up():
    with pytest.raises(MissingVariable, match="and 30 more"):
        render("".join(f"{{{{v{at}}}}}" for at in range(40)), {})


def test_output_is_capped_before_it_is_made():
    started = time.process_time()
    with pytest.raises(RenderedTooLong) as too_long:
        render("{{a}}" * 1_000, {"a": "x" * 1_000_000})
    assert too_long.value.chars == 1_000_000_000
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    "text",
    [
        "x" * 1_000_000,
        "{{a}}" * 200_000,
        "{{" * 500_000,
        "{{ " * 333_333,
        "{{a" * 333_333,
        "{{a\n" * 250_000,
        "}}" * 500_000,
        "\\{{" * 333_333,
        "\\" * 1_000_000,
        "{" * 1_000_000,
        "{{" + "a" * 1_000_000 + "}}",
        "{{" + " " * 1_000_000,
        "{{#x}}" * 166_666,
        "{{a}" * 250_000 + "}}",
    ],
)
def test_a_megabyte_is_checked_and_rendered_in_linear_time(text):
    """CPU seconds, and far above what the walk needs (under 0.5): only a quadratic walk fails."""
    rendering.parsed.cache_clear()
    started = time.process_time()
    problems = check_template(text)
    assert len(problems) <= 100
    if not problems:
        render(text, {"a": "x"})
    assert time.process_time() - started < 3


@given(st.text(alphabet=st.sampled_from("{}\\ab #\n_é"), max_size=60), st.text(max_size=20))
def test_any_text_is_either_refused_or_rendered(text, value):
    inputs = dict.fromkeys(variables_in(text), value)
    if check_template(text):
        with pytest.raises(BrokenTemplate):
            render(text, inputs)
    else:
        rendered = render(text, inputs)
        if not inputs:
            assert rendered.count("{{") == text.count("{{")


_LITERALS = st.text(alphabet=st.characters(exclude_characters="{\\"), max_size=20)


@given(st.lists(st.tuples(_LITERALS, st.text(max_size=20))))
def test_values_stand_verbatim_between_the_literals(pieces):
    text = "".join(literal + f"{{{{v{at}}}}}" for at, (literal, _) in enumerate(pieces))
    inputs = {f"v{at}": value for at, (_, value) in enumerate(pieces)}
    assert render(text, inputs) == "".join(literal + value for literal, value in pieces)


@given(st.text(max_size=30))
def test_a_name_is_valid_exactly_when_its_tag_is(name):
    if name == name.strip() and "{" not in name and "}" not in name:
        assert is_variable_name(name) == (check_template("{{" + name + "}}") == [])


def test_names_in_single_braces_are_noticed():
    text = 'Ask {question} for {name}, {name}. {{ok}} {"a": 1} {1} {a b}'
    assert single_brace_names(text) == ["question", "name"]
