"""What templates may say: icons, figures in words, form fields and the components that wrap other markup.

Loaded as a builtin, so templates need no {% load %}. The work is done in the modules beside this one.
"""

import re
from datetime import datetime
from functools import lru_cache

from django import template
from django.conf import settings
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from llmops.core.templatetags import chips, estimates, fields, formats, icons, navigation, toasts
from llmops.texts import shortened

register = template.Library()
_UNDER_MODELS = re.compile(r"(?<=\bunder )Models\b|(?<=\bOpen )Models\b")

register.simple_tag(icons.icon, name="icon")
register.simple_tag(estimates.estimate, name="estimate")
register.filter("control", fields.control)
register.filter("lettered", navigation.lettered)
register.filter("folded_chips", chips.folded_chips)
register.filter("undo_url", toasts.undo_url)
for _figure in (
    formats.count, formats.number, formats.percent, formats.points,
    formats.usd, formats.duration, formats.duration_ms, formats.time_range,
):  # fmt: skip
    register.filter(_figure.__name__, _figure)


@register.simple_tag
def ago(then: datetime | None, now: datetime | None = None) -> SafeString | str:
    """A moment in words inside <time>, with the exact time as its title; `now` is the clock unless given."""
    if then is None:
        return formats.NOTHING
    exact = then.astimezone(timezone.get_current_timezone())
    return _time(exact, "data-ago", formats.age(exact, now or timezone.now()))


@register.simple_tag
def on(then: datetime) -> SafeString:
    """The day of a moment inside <time>, with the exact time as its title: for what ends."""
    exact = then.astimezone(timezone.get_current_timezone())
    return _time(exact, "data-day", formats.day(exact))


def _time(exact: datetime, kind: str, text: str) -> SafeString:
    title = f"{formats.day(exact)}, {exact:%H:%M} {exact.tzname()}"
    moment = exact.isoformat(timespec="seconds")
    return format_html('<time datetime="{}" title="{}" {}>{}</time>', moment, title, kind, text)


@register.simple_tag
def style_address(name: str) -> str:
    """Where a style sheet is, also while anything may be broken: at worst the address leads nowhere."""
    try:
        return static(name)
    except Exception:  # whatever it is, the page that says so must still be shown
        return f"{settings.STATIC_URL}{name}"


@register.simple_tag
def cut(text: str, most: int) -> SafeString | str:
    """A name of at most so many characters; one that is longer has the whole one as its title."""
    short = shortened(text, most)
    return text if short == text else format_html('<span title="{}">{}</span>', text, short)


@register.filter
def or_you(person: object, reader: object) -> str:
    """A person as the reader thinks of them: by name, or "you"."""
    return "you" if person == reader else str(person)


@register.filter
def linked_to_models(sentence: str, url: str) -> SafeString | str:
    """A sentence about a fault; where it says to look under Models, that word leads there."""
    found = _UNDER_MODELS.search(sentence)
    if found is None:
        return sentence
    before, after = sentence[: found.start()], sentence[found.end() :]
    return format_html('{}<a href="{}">{}</a>{}', before, url, found[0], after)


@register.simple_tag
@lru_cache(maxsize=1024)  # a table has hundreds, and few that differ
def mark(state: str, value_type: str = "", value: float | None = None, label: str = "", name: str = "") -> SafeString:
    """One score of one result as the score has it; `name` is the metric's, left out inside its own column."""
    shown = {"state": state, "value_type": value_type, "value": value, "label": label, "name": name}
    return render_to_string("components/_mark.html", shown)


@register.simple_block_tag(end_name="endverdict")
def verdict(content: str, tone: str = "neutral", note: str = "", id: str = "") -> SafeString:
    """The answer of a page in a card with a bar in the colour of its meaning."""
    return render_to_string("components/_verdict.html", {"content": content, "tone": tone, "note": note, "id": id})


@register.simple_block_tag(end_name="endpanel")
def panel(
    content: str,
    title: str,
    close_url: str,
    id: str = "panel",
    target: str = "",
    previous_url: str = "",
    next_url: str = "",
) -> SafeString:
    """The side panel for one item of a list; `close_url` is the list without it, the others its neighbours there.

    With `target`, the id of the partial around the panel, htmx takes it away without a new page.
    """
    shown = {
        "content": content,
        "title": title,
        "close_url": close_url,
        "id": id,
        "target": target,
        "previous_url": previous_url,
        "next_url": next_url,
    }
    return render_to_string("components/_panel.html", shown)


@register.simple_block_tag(end_name="enddialog")
def dialog(content: str, id: str, title: str) -> SafeString:
    """A native dialog, opened by any element with data-dialog="<id>"."""
    return render_to_string("components/_dialog.html", {"content": content, "id": id, "title": title})
