"""What a column means: guessed from its name, and what the caller says instead."""

import io

import pytest

from evals_app.engine.case_files import CaseRow, FileProblem, guess_mapping, parse_cases

GUESSES = {
    "the plain case": ("question,expected", "input,expected"),
    "ours": (
        "key,question,expected,reference,previous,feedback,tags,group,metadata",
        "key,input,expected,reference,previous,feedback,tags,group,metadata",
    ),
    "capitals, hyphens, underscores, camels": (
        "Case-ID,user_question,Expected Answer,userFeedback",
        "key,input,expected,feedback",
    ),
    "the most certain name wins": ("answer,label,expected_output,id,key", "input,input,expected,input,key"),
    "the first of two names of one rank": ("Expected,expected", "expected,input"),
    "a labelled text": ("text,label", "input,expected"),
    "intents": ("text,category", "input,expected"),
    "a category beside an answer is a variable": ("category,question,answer", "input,input,expected"),
    "names in other languages are variables": ("Frage,Erwartete Antwort,問題", "input,input,input"),
    "names that only contain a role's name": ("expected length,tag line,identity", "input,input,input"),
    "said openly": (
        "input:expected,inputs.key,Input: tags,expected",
        "input:expected,input:key,input:tags,expected",
    ),
    "signs only": ("#,?", "input,input"),
}


@pytest.mark.parametrize(("columns", "meanings"), GUESSES.values(), ids=GUESSES)
def test_guesses_from_names(columns, meanings):
    assert list(guess_mapping(columns.split(",")).values()) == meanings.split(",")


def parse(text: str, mapping: dict[str, str]):
    return parse_cases(io.BytesIO(text.encode()), filename="cases.csv", mapping=mapping)


def test_the_caller_says_what_columns_mean():
    parsed = parse(
        "id,text,answer,note,label\n7,Hi,Hello,x,good\n",
        {
            "id": "input",
            "answer": "reference",
            "note": "ignore",
            "label": "expected",
            "text": "input:question",
        },
    )
    assert parsed.rows == [CaseRow(inputs={"id": "7", "question": "Hi"}, expected="good", reference="Hello")]
    assert parsed.mapping == {
        "id": "input",
        "text": "input:question",
        "answer": "reference",
        "note": "ignore",
        "label": "expected",
    }


def test_a_role_that_is_wanted_elsewhere_is_not_guessed():
    parsed = parse("question,expected,solution\nHi,x,Hello\n", {"solution": "expected"})
    assert parsed.rows == [CaseRow(inputs={"question": "Hi", "expected": "x"}, expected="Hello")]


def test_an_ignored_column_may_hold_anything():
    parsed = parse(f"question,id,tags\nHi,1,{'x' * 100}\nHo,1,\x00\n", {"id": "ignore", "tags": "ignore"})
    assert parsed.problems == []
    assert [row.key for row in parsed.rows] == [None, None]


WRONG = {
    "a column that is not there": ({"answr": "expected"}, "no column “answr”; it has “question”, “answer”"),
    "a meaning that does not exist": ({"answer": "gold"}, "“gold” is not a meaning of a column"),
    "a role twice": ({"question": "expected", "answer": "expected"}, "“answer” are both meant as expected"),
    "a variable twice": ({"question": "input:x", "answer": "input:x"}, "both meant as the variable “x”"),
    "no variable": ({"question": "ignore"}, "No column is a variable"),
}


@pytest.mark.parametrize(("mapping", "words"), WRONG.values(), ids=WRONG)
def test_a_wrong_mapping_is_said_in_a_sentence(mapping, words):
    with pytest.raises(FileProblem) as caught:
        parse("question,answer\nHi,Hello\n", mapping)
    assert words in str(caught.value)
    assert str(caught.value).endswith(".")
