"""Figures in words, icons, fields and components, as pages show them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django import forms
from django.template import Context, Template
from django.template.loader import render_to_string

from llmops.core.templatetags import formats
from llmops.core.templatetags.chips import folded_chips
from llmops.core.templatetags.estimates import estimate, interval_text
from llmops.core.templatetags.geometry import EDGE, WIDTH, interval_picture
from llmops.core.templatetags.icons import UnknownIcon, icon
from llmops.core.templatetags.navigation import lettered

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Found:
    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    method: str = "Wilson"
    note: str = ""


@dataclass(frozen=True)
class Entry:
    label: str


def render(source: str, **context: object) -> str:
    return Template(source).render(Context(context))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "price not known"),
        (Decimal("0"), "$0"),
        (Decimal("4.1"), "$4.10"),
        (Decimal("1234.567"), "$1,234.57"),
        (Decimal("0.36"), "$0.36"),
        (Decimal("0.4"), "$0.40"),
        (Decimal("0.05"), "$0.05"),
        (Decimal("0.0149"), "$0.015"),
        (Decimal("0.00417"), "$0.0042"),
        (Decimal("0.004"), "$0.004"),
        (Decimal("0.0000035"), "$0.0000035"),
        (Decimal("0.0000001"), "less than $0.000001"),
        (Decimal("-2"), "−$2.00"),
    ],
)
def test_usd_has_sensible_digits(value: Decimal | None, text: str) -> None:
    assert formats.usd(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0, "0 %"),
        (1, "100 %"),
        (0.8125, "81 %"),
        (0.125, "13 %"),
        (0.061, "6 %"),
        (0.0094, "0.9 %"),
        (0.0099, "1 %"),
        (0.0021, "0.2 %"),
        (0.00002, "0.002 %"),
        (0.995, "99.5 %"),
        (0.9999, "99.9 %"),
        (-0.03, "−3 %"),
        (float("nan"), "–"),
    ],
)
def test_percent_never_rounds_to_all_or_nothing(value: float | None, text: str) -> None:
    assert formats.percent(value) == text


def test_percent_takes_a_number_of_decimals() -> None:
    assert render("{{ value|percent:1 }}", value=0.061) == "6.1 %"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.06, "+6 points"), (-0.005, "−0.5 points"), (0.01, "+1 point"), (0, "±0 points"), (None, "–")],
)
def test_points_carry_their_sign(value: float | None, text: str) -> None:
    assert formats.points(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (0, "under 1 ms"),
        (0.3404, "340 ms"),
        (0.9996, "1.0 s"),
        (1.94, "1.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (200, "3 min 20 s"),
        (1500, "25 min"),
        (3599, "1 h"),
        (7500, "2 h 5 min"),
        (86_400, "1 day"),
        (3 * 86_400 + 4 * 3600, "3 days 4 h"),
        (timedelta(minutes=2), "2 min"),
    ],
)
def test_duration_says_two_units_at_most(seconds: float | timedelta | None, text: str) -> None:
    assert formats.duration(seconds) == text


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (1.4, 2.1, "a few seconds"),
        (3.2, 7.1, "3 to 8 seconds"),
        (26.2, 39.3, "25 to 40 seconds"),
        (81, 119, "80 to 120 seconds"),
        (81, 121, "1 to 3 minutes"),
        (170, 255, "2 to 5 minutes"),
        (2400, 3600, "40 to 60 minutes"),
        (8000, 12_000, "2 to 4 hours"),
        (3 * 86_400, 3 * 86_400, "about 3 days"),
        (None, 5, "–"),
    ],
)
def test_a_rough_time_is_two_round_numbers_of_one_unit(low: float | None, high: float, text: str) -> None:
    assert formats.time_range(low, high) == text


def test_duration_of_milliseconds() -> None:
    assert [formats.duration_ms(value) for value in (1900, 12, None)] == ["1.9 s", "12 ms", "–"]


@pytest.mark.parametrize(
    ("value", "text"), [(1234, "1,234"), (0, "0"), (-1200, "−1,200"), ("", "–"), (None, "–"), (True, "–")]
)
def test_count_groups_thousands(value: object, text: str) -> None:
    assert formats.count(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(3.14159, "3.14"), (1234.5, "1,235"), (4.0, "4"), (0.00051234, "0.000512")]
)
def test_number_has_three_digits(value: float, text: str) -> None:
    assert formats.number(value) == text


@pytest.mark.parametrize(
    ("then", "text"),
    [
        (NOW - timedelta(seconds=3), "just now"),
        (NOW - timedelta(seconds=40), "40 seconds ago"),
        (NOW - timedelta(minutes=1), "1 minute ago"),
        (NOW - timedelta(hours=5, minutes=59), "5 hours ago"),
        (NOW + timedelta(minutes=4), "in 4 minutes"),
        (NOW - timedelta(days=29), "29 days ago"),
        (NOW - timedelta(days=31), "23 Oct 2026"),
    ],
)
def test_age_in_words(then: datetime, text: str) -> None:
    assert formats.age(then, NOW) == text


def test_ago_keeps_the_exact_time() -> None:
    html = render("{% ago then now %}", then=NOW - timedelta(minutes=12), now=NOW)
    assert 'datetime="2026-11-23T11:48:00+00:00"' in html
    assert 'title="23 Nov 2026, 11:48 UTC"' in html
    assert ">12 minutes ago</time>" in html


def test_a_long_name_is_cut_and_whole_in_its_title() -> None:
    assert render("{% cut name 10 %}", name="short & <") == "short &amp; &lt;"
    assert (
        render("{% cut name 10 %}", name="long & <long>")
        == '<span title="long &amp; &lt;long&gt;">long &amp; &lt;l…</span>'
    )


def test_estimate_reads_as_one_sentence() -> None:
    html = estimate(Found(0.8125, 0.733, 0.873, 120), after="correct")
    words = " ".join(Template("{{ html|striptags }}").render(Context({"html": html})).split())
    assert words == "81 % correct (73-87, n = 120)"
    assert html == html.strip()  # a full stop may follow
    assert "between 73 % and 87 %, on a scale from 0 % to 100 %" in html
    assert "style=" not in html


def test_estimate_without_an_interval_shows_none() -> None:
    html = estimate(Found(1.0, n=1))
    assert "interval-range" not in html
    assert "(n = 1)" in html.split("estimate-text")[1]


def test_estimate_of_a_scale_says_whose_figure_it_is() -> None:
    html = estimate(Found(4.1, 3.8, 4.3, 40), unit="number", minimum=1, maximum=5, before="Tone <1>", picture=False)
    words = " ".join(Template("{{ html|striptags }}").render(Context({"html": html})).split())
    assert words == "Tone &lt;1&gt;: 4.1 (3.8 to 4.3, n = 40)"
    assert "<svg" not in html


def test_estimate_that_was_not_scored_says_why() -> None:
    assert ">no case was scored<" in estimate(Found(None, note="no case was scored"))
    assert ">not scored<" in estimate(None)


def test_interval_text_by_unit() -> None:
    assert interval_text(0.004, 0.12, "percent") == "0.4-12"
    assert interval_text(1600, 2050, "duration_ms") == "1.6 s to 2.1 s"
    assert interval_text(None, 0.5, "percent") == ""


def test_interval_picture_stays_inside_its_scale() -> None:
    picture = interval_picture(0.5, -0.2, 1.4)
    assert (picture.low, picture.point, picture.high) == (EDGE, WIDTH / 2, WIDTH - EDGE)
    assert interval_picture(3, 2, 4, minimum=1, maximum=5).point == WIDTH / 2
    assert interval_picture(1, None, None, minimum=1, maximum=1).low is None


def test_icon_is_hidden_unless_named() -> None:
    assert 'aria-hidden="true"' in icon("home")
    assert 'role="img" aria-label="Done &amp; checked"' in icon("check", "Done & checked")


@pytest.mark.parametrize("name", ["no-such-icon", "../outline/home", ""])
def test_unknown_icon_is_refused(name: str) -> None:
    with pytest.raises(UnknownIcon):
        icon(name)


def test_letters_of_the_navigation_are_unique() -> None:
    entries = [Entry(label) for label in ("Metrics", "Models", "Me", "Mmm")]
    assert [found.letter for found in lettered(entries)] == ["m", "o", "e", ""]
    assert lettered(None) == []


class QuestionForm(forms.Form):
    question = forms.CharField(widget=forms.Textarea, help_text="As a customer would ask it.")
    model = forms.ChoiceField(choices=[("a", "A")], required=False)
    strict = forms.BooleanField(required=False)


def test_field_ties_its_help_and_errors_to_the_control() -> None:
    form = QuestionForm({"question": ""})
    html = render_to_string("components/_field.html", {"field": form["question"]})
    described = html.split('aria-describedby="')[1].split('"')[0].split()
    assert set(described) == {"id_question_helptext", "id_question_error"}
    for target in described:
        assert f'id="{target}"' in html
    assert 'aria-invalid="true"' in html
    assert "is-invalid" in html


def test_controls_get_their_class_and_keep_their_own() -> None:
    form = QuestionForm()
    form.fields["question"].widget.attrs["class"] = "is-prompt"
    assert 'class="is-prompt form-control"' in render("{{ form.question|control }}", form=form)
    assert 'class="form-select"' in render("{{ form.model|control }}", form=form)
    assert 'class="form-check-input"' in render("{{ form.strict|control }}", form=form)


@pytest.mark.parametrize(
    ("score", "word", "tone"),
    [
        ({"state": "scored", "value_type": "yes_no", "value": 1.0}, "yes", "is-better"),
        ({"state": "scored", "value_type": "yes_no", "value": 0.0}, "no", "is-worse"),
        ({"state": "scored", "value_type": "number", "value": 3.5}, "3.5", "is-neutral"),
        (
            {"state": "scored", "value_type": "category", "label": "<b>refuses</b>"},
            "&lt;b&gt;refuses&lt;/b&gt;",
            "is-neutral",
        ),
        ({"state": "unscored"}, "not scored", "is-unsure"),
        ({"state": "error"}, "no answer", "is-unsure"),
        ({"state": "skipped"}, "left out", "is-none"),
    ],
)
def test_mark_says_its_state_in_a_word(score: dict[str, object], word: str, tone: str) -> None:
    html = render_to_string("components/_mark.html", score)
    assert f">{word}</span>" in html
    assert tone in html


@pytest.mark.parametrize("tone", ["better", "worse", "unsure", "none"])
def test_a_tone_is_never_colour_alone(tone: str) -> None:
    html = render_to_string("components/_pill.html", {"tone": tone})
    assert "<svg" in html
    assert Template("{{ html|striptags }}").render(Context({"html": html})).strip()


def test_wrapping_components_escape_titles_and_keep_their_content() -> None:
    html = render(
        '{% panel title=title close_url="?" %}<p>{{ text }}</p>{% endpanel %}',
        title="<i>x</i>",
        text="<script>",
    )
    assert "&lt;i&gt;x&lt;/i&gt;" in html
    assert "<p>&lt;script&gt;</p>" in html
    assert render('{% verdict tone="better" %}<p>Yes.</p>{% endverdict %}').count("<p>Yes.</p>") == 1
    assert 'aria-labelledby="gone-title"' in render('{% dialog id="gone" title="Gone" %}x{% enddialog %}')


def test_diff_marks_what_came_and_what_went() -> None:
    pieces = [
        {"op": "delete", "text": "old <b>"},
        {"op": "equal", "text": " same "},
        {"op": "insert", "text": "new"},
    ]
    html = render_to_string("components/_diff.html", {"pieces": pieces})
    aloud = '<span class="visually-hidden">{}</span>'
    taken_out, added, end = aloud.format("[taken out: "), aloud.format("[added: "), aloud.format("]")
    assert f"<del>{taken_out}old &lt;b&gt;{end}</del> same <ins>{added}new{end}</ins>" in html


@pytest.mark.parametrize(
    ("n", "active", "shown", "more"),
    [(10, 0, list(range(10)), []), (11, 0, list(range(7)), [7, 8, 9, 10]), (11, 9, [*range(7), 9], [7, 8, 10])],
)
def test_chips_that_are_too_many_for_a_line_are_in_a_menu_but_for_the_chosen_one(
    n: int, active: int, shown: list[int], more: list[int]
) -> None:
    folded = folded_chips([{"label": at, "active": at == active} for at in range(n)])
    assert [chip["label"] for chip in folded.shown] == shown
    assert [chip["label"] for chip in folded.more] == more


def test_people_are_you_to_themselves() -> None:
    words = Template("{{ author|or_you:reader }}")
    assert words.render(Context({"author": "Ana", "reader": "Ana"})) == "you"
    assert words.render(Context({"author": "Ana", "reader": "Ben"})) == "Ana"
