"""Names: what people type is taken, what cannot be seen is not."""

from __future__ import annotations

import pytest

from llmops.core.naming import name_problem

TAKEN = {
    "plain": "Support answers 2",
    "a family, joined": "Family \U0001f468\u200d\U0001f469\u200d\U0001f467",
    "with a skin tone": "\U0001f9d1\U0001f3fd\u200d\U0001f4bb at work",
    "with a selector before the joiner": "\u2764\ufe0f\u200d\U0001f525",
    "and after it": "\U0001f9d1\u200d\u2695\ufe0f",
    "a shaken head": "\U0001f642\u200d\u2194\ufe0f",
    "a rainbow flag": "\U0001f3f3\ufe0f\u200d\U0001f308",
    "a flag of two letters": "\U0001f1eb\U0001f1f7",
    "a flag of a region": "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f Edinburgh",
    "a keycap": "1\ufe0f\u20e3 first",
    "an emoji of 2023": "\U0001fae8",
    "an emoji alone": "\U0001f642",
    "marks that combine": "Nguye\u0302\u0303n",
    "Persian with a non-joiner": "می\u200cخواهم",
    "Hindi with a joiner": "क्\u200dष",
    "signs": "???",
}
REFUSED = {
    "a control character": "a\x07b",
    "a line break": "a\nb",
    "a bidi override": "abc\u202egnp",
    "a bidi isolate": "a\u2066b\u2069",
    "a direction mark": "a\u200fb",
    "a space of no width": "a\u200bb",
    "a soft hyphen": "a\u00adb",
    "a byte order mark": "\ufeffa",
    "a surrogate": "a\ud800",
    "a joiner between Latin letters": "Ma\u200din",
    "a non-joiner between Latin letters": "Ma\u200cin",
    "a joiner at the end": "\U0001f642\u200d",
    "a joiner at the beginning": "\u200d\U0001f642",
    "two joiners": "\U0001f468\u200d\u200d\U0001f469",
    "a joiner beside a space": "\U0001f468\u200d \U0001f469",
    "tags without a flag": "a\U000e0067\U000e0062\U000e007f",
    "tags without an end": "\U0001f3f4\U000e0067\U000e0062",
    "a selector alone": "\ufe0f",
    "joiners alone": "\u200d",
    "a mark alone": "\u0301",
    "a filler": "\u3164",
    "an empty braille cell": "\u2800\u2800",
    "an invisible mark": "\u034f\u17b4",
}


@pytest.mark.parametrize("name", TAKEN.values(), ids=TAKEN)
def test_what_people_type_is_a_name(name: str) -> None:
    assert name_problem(name) == ""


@pytest.mark.parametrize("name", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_seen_is_no_name(name: str) -> None:
    assert name_problem(name).endswith(".")
