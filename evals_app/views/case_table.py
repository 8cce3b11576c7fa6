"""Rows of the list of cases, as HTML.

Written here and not in a template, since a page has hundreds of cells: so they take a fifth of the time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from evals_app.forms.case_cell import EXPECTED
from llmops.core.templatetags.icons import icon

_NOTHING = mark_safe('<span class="soft is-nothing">–</span>')
_NO_TEXT = mark_safe('<span class="is-nothing"></span>')
_EMPTY = mark_safe('<span class="soft">(empty)</span>')
_CURRENT = mark_safe(' aria-current="true"')
_END = mark_safe("</td>")

_TITLE = (
    '<a class="row-link cell-title clamp-3" id="case-{id}" href="{open_url}" hx-get="{open_url}"'
    ' hx-target="#case-panel" hx-swap="outerHTML" hx-push-url="true"{current}>{text}</a>'
)
_PENCIL = (
    '<a class="cell-pencil btn-bare" href="{open_url}" hx-get="{cell_url}" hx-target="closest td" hx-swap="innerHTML"'
    ' data-cell-edit aria-label="Edit {label} here">{icon}</a>'
)
_EDITED_HERE = (
    '<a class="cell-edit{clamped}" href="{open_url}" hx-get="{cell_url}" hx-target="closest td" hx-swap="innerHTML"'
    ' data-cell-edit><span class="visually-hidden">{label}: </span>{text}</a>'
)
_TAG = '<span class="tag">{}</span> '
_TICK = (
    '<td class="cell-tick"><label><input class="form-check-input" type="checkbox" name="case" value="{id}" form="bulk"'
    ' data-tick aria-labelledby="case-{id}"></label></td>'
)
_KEY = '<td class="is-aside" data-name="Key"><span class="cell-note clamp-2 case-key">{}</span></td>'
_NO_KEY = mark_safe(
    '<td class="is-aside is-nothing" data-name="Key"><span class="cell-note clamp-2 case-key">–</span></td>'
)


@dataclass(frozen=True, slots=True)
class ShownCell:
    """One cell of the list. `text` is None when nothing was given; `cell_url` is empty for who may not edit it."""

    case_id: int
    field: str
    label: str
    text: str | None
    open_url: str
    cell_url: str = ""
    tags: list[str] | None = None
    is_title: bool = False
    is_open: bool = False

    def html(self) -> SafeString:
        """What stands in the cell."""
        if self.is_title:
            return self._title()
        clamped = self.tags is None
        if not self.cell_url:
            return format_html('<span class="clamp-3">{}</span>' if clamped else "<span>{}</span>", self._text())
        return format_html(
            _EDITED_HERE,
            clamped=" clamp-3" if clamped else "",
            open_url=self.open_url,
            cell_url=self.cell_url,
            label=self.label,
            text=self._text(),
        )

    def _title(self) -> SafeString:
        text = self.text if self.text and self.text.strip() else _EMPTY
        current = _CURRENT if self.is_open else ""
        title = format_html(_TITLE, id=self.case_id, open_url=self.open_url, current=current, text=text)
        if not self.cell_url:
            return title
        return title + format_html(
            _PENCIL, open_url=self.open_url, cell_url=self.cell_url, label=self.label, icon=icon("pencil")
        )

    def _text(self) -> str:
        if self.tags:
            return format_html_join("", _TAG, ([tag] for tag in self.tags))
        if self.text is None:
            return _NOTHING
        return self.text or (_EMPTY if self.field == EXPECTED else _NO_TEXT)


def cell_opening(label: str, *, is_title: bool, is_aside: bool, may_edit: bool) -> SafeString:
    """The tag before a cell; the same for all cells of a column. What is aside makes room for the side panel."""
    if is_title:
        return mark_safe('<td class="is-title">')
    names = "cell-at" * may_edit + " is-aside" * is_aside
    return format_html('<td class="{}" data-name="{}">', names.strip(), label)


def row_html(
    case_id: int, cells: Iterable[tuple[SafeString, ShownCell]], *, key: str | None, may_edit: bool
) -> SafeString:
    """A case of the list: its cells, each after its opening tag. `key` is None in a list without keys."""
    row = format_html(_TICK, id=case_id) if may_edit else SafeString()
    for opening, cell in cells:
        row += opening + cell.html() + _END
    if key is not None:
        row += format_html(_KEY, key) if key else _NO_KEY
    return row
