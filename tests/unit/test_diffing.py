"""What changed between two texts, and two people's changes put together."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompts_app.diffing.merging import By, Choice, merge, merged, messages_text, text_messages
from prompts_app.diffing.messages import Change, message_changes
from prompts_app.diffing.sequences import blocks
from prompts_app.diffing.words import DELETE, EQUAL, FOLD, INSERT, folded, word_pieces, words

MARKS = {EQUAL: "{}", DELETE: "[-{}-]", INSERT: "[+{}+]", FOLD: "<{}>"}
texts = st.text(alphabet="ab .\n{}é日本😀", max_size=60)


def marked(before: str, after: str) -> str:
    return "".join(MARKS[piece.op].format(piece.text) for piece in word_pieces(before, after))


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("", "", ""),
        ("same", "same", "same"),
        ("", "new", "[+new+]"),
        ("old", "", "[-old-]"),
        (
            "Answer the {{question}} kindly.",
            "Answer the {{name}} kindly.",
            "Answer the [-{{question}}-][+{{name}}+] kindly.",
        ),
        (
            "Be kind.\nNever lie.\n",
            "Be kind.\nNever ever lie.\nSay sorry.\n",
            "Be kind.\nNever [+ever +]lie.\n[+Say sorry.\n+]",
        ),
        ("今天天气很好。", "今天天气不好。", "今天天气[-很-][+不+]好。"),
        ("un café", "un cafe\u0301", "un [-café-][+cafe\u0301+]"),
        ("Go 👩‍👩‍👧!", "Go 👩‍👩‍👦!", "Go [-👩‍👩‍👧-][+👩‍👩‍👦+]!"),
        # A few words in common by chance are not shown as kept.
        (
            "Call us and block it now.",
            "You can order a new card.",
            "[-Call us and block it now.-][+You can order a new card.+]",
        ),
    ],
)
def test_words_that_changed(before: str, after: str, shown: str) -> None:
    assert marked(before, after) == shown


@given(texts, texts)
def test_pieces_read_as_both_texts(before: str, after: str) -> None:
    pieces = word_pieces(before, after)
    assert "".join(piece.text for piece in pieces if piece.op != INSERT) == before
    assert "".join(piece.text for piece in pieces if piece.op != DELETE) == after
    assert "".join(piece.text for piece in folded(pieces)) == "".join(piece.text for piece in pieces)
    assert all(left.op != right.op for left, right in itertools.pairwise(pieces))


@given(texts)
def test_words_leave_nothing_out(text: str) -> None:
    assert "".join(words(text)) == text


def test_long_stretches_that_stayed_are_folded_but_for_the_lines_beside_a_change() -> None:
    text = "".join(f"line {n}\n" for n in range(200))
    pieces = folded(word_pieces(text, text.replace("line 100\n", "line one hundred\n")))
    shown = "".join(piece.text for piece in pieces if piece.op != FOLD)
    assert "line 99\n" in shown
    assert "line 101\n" in shown
    assert "line 50\n" not in shown
    assert [piece.note for piece in pieces if piece.op == FOLD] == ["99 lines", "98 lines"]


def test_what_is_too_long_to_compare_counts_as_changed_between_its_ends() -> None:
    before, after = [str(n) for n in range(30_000)], [str(-n) for n in range(30_000)]
    found = blocks(["start", *before, "end"], ["start", *after, "end"])
    assert [block.same for block in found] == [True, False, True]


# -- messages ---------------------------------------------------------------------------------------


def changes(before: list[tuple[str, str]], after: list[tuple[str, str]]) -> list[tuple[Change, str]]:
    return [(change.change, change.role) for change in message_changes(before, after)]


def test_messages_that_were_added_taken_out_changed_and_moved() -> None:
    system, user, example = ("system", "Be kind."), ("user", "{{question}}"), ("assistant", "An example.")
    assert changes([system, user], [system, user]) == [(Change.SAME, "system"), (Change.SAME, "user")]
    assert changes([system, user], [system, example, user])[1] == (Change.ADDED, "assistant")
    assert changes([system, example, user], [system, user])[1] == (Change.REMOVED, "assistant")
    assert changes([system, user], [("system", "Be short."), user])[0] == (Change.CHANGED, "system")
    moved = changes([system, example, user], [example, system, user])
    assert [change for change, _ in moved].count(Change.MOVED) == 1
    assert [change for change, _ in moved].count(Change.SAME) == 2


# -- merging ----------------------------------------------------------------------------------------

BASE = "You answer customers.\nBe kind.\nNever lie.\n"


def test_changes_in_different_places_go_together() -> None:
    mine, theirs = BASE.replace("kind", "kind and short"), BASE.replace("lie", "guess")
    parts = merge(BASE, mine, theirs)
    assert [part.by for part in parts] == [By.NOBODY, By.MINE, By.THEIRS]
    assert merged(parts, {}) == "You answer customers.\nBe kind and short.\nNever guess.\n"


@pytest.mark.parametrize(
    ("choice", "line"),
    [(Choice.MINE, "Be short.\n"), (Choice.THEIRS, "Be polite.\n"), (Choice.BOTH, "Be polite.\nBe short.\n")],
)
def test_changes_in_one_place_are_chosen_between(choice: Choice, line: str) -> None:
    parts = merge(BASE, BASE.replace("Be kind.", "Be short."), BASE.replace("Be kind.", "Be polite."))
    assert [part.by for part in parts] == [By.NOBODY, By.CONFLICT, By.NOBODY]
    assert merged(parts, {1: choice}) == f"You answer customers.\n{line}Never lie.\n"
    with pytest.raises(KeyError):
        merged(parts, {})


def test_the_same_change_by_both_is_no_conflict() -> None:
    both = BASE.replace("kind", "short")
    assert merged(merge(BASE, both, both), {}) == both


def test_a_message_put_in_by_one_and_a_text_changed_by_the_other_go_together() -> None:
    base = [("system", "Be kind."), ("user", "{{question}}")]
    mine = [("system", "Be kind."), ("assistant", "An example."), ("user", "{{question}}")]
    theirs = [("system", "Be kind."), ("user", "{{question}} Answer in French.")]
    parts = merge(*(messages_text(messages) for messages in (base, mine, theirs)))
    assert By.CONFLICT not in {part.by for part in parts}
    assert text_messages(merged(parts, {})) == [mine[0], mine[1], theirs[1]]


messages = st.lists(st.tuples(st.sampled_from(["system", "user"]), texts), min_size=1, max_size=4)


@given(messages)
def test_messages_come_back_from_their_text(pairs: list[tuple[str, str]]) -> None:
    assert text_messages(messages_text(pairs)) == pairs


@given(texts, texts, texts, st.sampled_from(Choice))
def test_merging_loses_nothing(base: str, mine: str, theirs: str, choice: Choice) -> None:
    parts = merge(base, mine, theirs)
    for name, text in (("base", base), ("mine", mine), ("theirs", theirs)):
        assert "".join(getattr(part, name) for part in parts) == text
    everything = dict.fromkeys(range(len(parts)), choice)
    assert merged(merge(base, mine, base), everything) == mine
    assert merged(merge(base, base, theirs), everything) == theirs
    if choice is not Choice.BOTH and base == mine:
        assert merged(parts, everything) == theirs
