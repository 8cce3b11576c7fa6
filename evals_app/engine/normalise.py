"""When two texts count as the same."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Any

# Ends a sentence in some script; taken off at the end only. % # * ) and quotation marks mean something.
FINAL_PUNCTUATION = ".!?,;:…‽。、，！？；：｡؟،؛۔।॥"
_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u2060\ufeff"))


@dataclass(frozen=True, slots=True)
class Normaliser:
    """Which differences between texts do not count.

    - unicode_forms: full-width and composed forms (NFKC), soft hyphens and zero-width spaces.
    - case: capitals (Unicode case folding, so "ß" is "ss").
    - spaces: white space at the ends, and how much of it stands between words.
    - final_punctuation: . ! ? , ; : and their like at the end, unless the text is nothing else.
    """

    unicode_forms: bool = True
    case: bool = True
    spaces: bool = True
    final_punctuation: bool = True

    def __call__(self, text: str) -> str:
        if self.unicode_forms:
            text = unicodedata.normalize("NFKC", text).translate(_INVISIBLE)
        if self.case:
            text = text.casefold()
        if self.unicode_forms:
            text = unicodedata.normalize("NFKC", text)
        if self.spaces:
            text = " ".join(text.split())
        if self.final_punctuation:
            ends = FINAL_PUNCTUATION + " " if self.spaces else FINAL_PUNCTUATION
            text = text.rstrip(ends) or text
        return text


def normaliser_of(settings: dict[str, Any]) -> Normaliser:
    """The normaliser that a metric's `ignore_*` settings ask for."""
    return Normaliser(
        unicode_forms=settings["ignore_unicode_forms"],
        case=settings["ignore_case"],
        spaces=settings["ignore_spaces"],
        final_punctuation=settings["ignore_final_punctuation"],
    )


def _switch(title: str, description: str) -> dict[str, Any]:
    return {"type": "boolean", "title": title, "description": description, "default": True}


NORMALISING_SETTINGS: dict[str, Any] = {
    "ignore_case": _switch("Ignore capitals", "“Paris” and “PARIS” are the same."),
    "ignore_spaces": _switch("Ignore extra spaces", "Spaces and line breaks at the ends or doubled do not count."),
    "ignore_final_punctuation": _switch(
        "Ignore punctuation at the end", "“Paris.” and “Paris” are the same. Elsewhere punctuation counts."
    ),
    "ignore_unicode_forms": _switch(
        "Ignore forms of letters", "“Ｐａｒｉｓ” in wide letters and “Paris” are the same; so are ½ and 1⁄2."
    ),
}
