"""numeric: the number in the answer is right, or near enough."""

from __future__ import annotations

from decimal import Decimal, localcontext

from evals_app.engine.kind import Config, Kind
from evals_app.engine.marks import Mark, Sample, no, quoted, unscored, yes
from evals_app.engine.numbers import PRECISION, RULE, Found, first_number, last_number


def numeric_mark(settings: Config, sample: Sample) -> Mark:
    """Yes when the answer's number is within the larger of the two tolerances of the expected number."""
    reading = {"decimal": settings["decimal_sign"], "percent": settings["percent"]}
    if not (sample.expected or "").strip():
        return unscored("This case has no expected answer. Fill in the right number.")
    expected = last_number(sample.expected or "", **reading)
    if expected is None:
        return unscored(
            f"There is no number in the expected answer {quoted(sample.expected or '')}. Write it in digits."
        )
    find = first_number if settings["which"] == "first" else last_number
    found = find(sample.output, **reading)
    if found is None:
        return no(f"There is no number in the answer; expected {_shown(expected)}.")
    with localcontext(prec=PRECISION):
        off = abs(found.value - expected.value)
        allowed = max(
            _exactly(settings["tolerance"]),
            _exactly(settings["tolerance_percent"]) / 100 * abs(expected.value),
        )
        near = off <= allowed
    if not off:
        return yes(f"The number is {_shown(found)}, as expected.")
    words = f"The number is {_shown(found)}, expected {_shown(expected)}; it is {_short(off)} off"
    return yes(f"{words}, which is near enough.") if near else no(f"{words}.")


def _exactly(number: float) -> Decimal:
    """0.1 as people write it, not as a binary fraction."""
    return Decimal(str(number))


def _shown(found: Found) -> str:
    plain = _short(found.value)
    return plain if plain == found.text else f"{plain} (read from {quoted(found.text, 40)})"


def _short(value: Decimal) -> str:
    """Up to 12 digits, without an exponent where that is readable."""
    number = float(value)
    return f"{number:.12g}"


NUMERIC = Kind(
    name="numeric",
    title="Right number",
    summary="The number in the answer must be the expected one, or near enough.",
    config_schema={
        "type": "object",
        "additionalProperties": False,
        "description": RULE,
        "properties": {
            "tolerance": {
                "type": "number",
                "minimum": 0,
                "default": 0,
                "title": "May be off by",
                "description": "In the number's own unit: with 0.5, 12.4 is right when 12 is expected.",
            },
            "tolerance_percent": {
                "type": "number",
                "minimum": 0,
                "default": 0,
                "title": "May be off by per cent",
                "description": "Of the expected number. When both are given, the more generous one counts.",
            },
            "which": {
                "type": "string",
                "enum": ["last", "first"],
                "default": "last",
                "title": "Which number of the answer",
                "description": "last: for answers that reason first. first: for those that begin with it.",
            },
            "decimal_sign": {
                "type": "string",
                "enum": ["auto", "point", "comma"],
                "default": "auto",
                "title": "Decimal sign",
                "description": "Settles 1,234 and 1.234: auto takes the first for 1234, the second as it is.",
            },
            "percent": {
                "type": "string",
                "enum": ["same", "fraction"],
                "default": "same",
                "title": "20 % counts as",
                "description": "same: 20. fraction: 0.2.",
            },
        },
    },
    needs=("expected",),
    scorer=numeric_mark,
)
