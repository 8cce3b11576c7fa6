"""regex: the answer matches a pattern."""

from __future__ import annotations

from evals_app.engine.config_check import ConfigError
from evals_app.engine.kind import Config, Kind
from evals_app.engine.marks import Mark, Sample, no, quoted, unscored, yes
from evals_app.engine.safe_regex import BadPattern, Pattern, TooSlow, compiled


def regex_mark(settings: Config, sample: Sample) -> Mark:
    """Yes when the pattern is found in the answer; white space at the answer's ends is taken off first."""
    try:
        found = _pattern(settings).find(sample.output.strip())
    except BadPattern as wrong:
        raise ConfigError("pattern", str(wrong)) from wrong
    except TooSlow:
        return unscored("Looking for the pattern took too long and was stopped. Avoid repetitions within repetitions.")
    if found is None:
        whole = "as a whole " if settings["whole_answer"] else ""
        return no(f"The answer does not match {quoted(settings['pattern'])} {whole}".rstrip() + ".")
    return yes(f"The answer matches: {quoted(found)}." if found else "The answer matches.")


def _pattern(settings: Config) -> Pattern:
    return compiled(
        settings["pattern"],
        ignore_case=settings["ignore_case"],
        dot_is_newline=settings["dot_is_newline"],
        by_line=settings["by_line"],
        whole=settings["whole_answer"],
    )


def _check(settings: Config) -> None:
    try:
        _pattern(settings)
    except BadPattern as wrong:
        raise ConfigError("pattern", str(wrong)) from wrong


def _switch(title: str, description: str) -> dict[str, object]:
    return {"type": "boolean", "default": False, "title": title, "description": description}


REGEX = Kind(
    name="regex",
    title="Matches a pattern",
    summary="The answer must match a regular expression, for example an order number or a date.",
    config_schema={
        "type": "object",
        "additionalProperties": False,
        "required": ["pattern"],
        "properties": {
            "pattern": {
                "type": "string",
                "minLength": 1,
                "title": "Pattern",
                "description": r"A regular expression, for example \d{4}-\d{2}-\d{2} for a date.",
            },
            "whole_answer": _switch("The whole answer", "It must match from end to end, not only somewhere in it."),
            "ignore_case": _switch("Ignore capitals", "“ok” also matches “OK”."),
            "dot_is_newline": _switch("A dot matches line breaks", "Then .* runs on over several lines."),
            "by_line": _switch("^ and $ match at each line", "Otherwise they are the start and end of the answer."),
        },
    },
    scorer=regex_mark,
    extra_check=_check,
)
