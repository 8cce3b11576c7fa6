"""Icons as inline SVG: they take the text's colour, need no request of their own and cannot flash in late."""

from functools import lru_cache
from pathlib import Path
from xml.etree import ElementTree

from django.contrib.staticfiles import finders
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

ICON_FOLDER = "vendor/tabler-icons-3.51.0/icons/outline"
_SVG = "{http://www.w3.org/2000/svg}"


class UnknownIcon(LookupError):
    """No vendored icon has this name."""


@lru_cache(maxsize=512)
def icon_paths(name: str) -> str:
    """The shapes inside the vendored icon `name`, without its frame; raises UnknownIcon."""
    found = finders.find(f"{ICON_FOLDER}/{name}.svg") if name.replace("-", "").isalnum() else None
    if not found:
        raise UnknownIcon(f"No icon {name!r} in static/{ICON_FOLDER}; static/vendor/README.md says how to add one.")
    root = ElementTree.fromstring(Path(found).read_text(encoding="utf-8"))  # noqa: S314 - a vendored, hash-checked file
    shapes = [shape for shape in root if shape.get("stroke") != "none"]
    return "".join(
        "<{} {}/>".format(
            shape.tag.removeprefix(_SVG), " ".join(f'{key}="{value}"' for key, value in shape.attrib.items())
        )
        for shape in shapes
    )


@lru_cache(maxsize=512)
def icon(name: str, label: str = "") -> SafeString:
    """Draw the vendored icon `name`; hidden from screen readers unless it carries a `label` of its own."""
    reading = format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"')
    return format_html(
        '<svg class="icon" width="18" height="18" viewBox="0 0 24 24" fill="none" stroke="currentColor"'
        ' stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round" {}>{}</svg>',
        reading,
        mark_safe(icon_paths(name)),  # noqa: S308 - from a vendored, hash-checked file
    )
