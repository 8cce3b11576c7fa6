r"""Prompt texts with variables: `{{name}}`, and nothing else.

The language is the variable tag of mustache (https://mustache.github.io/mustache.5.html) without the
rest: sections, partials, comments and changed delimiters are refused with a sentence. So a prompt cannot
loop, call or read anything, and rendering takes time in proportion to the text.

- White space inside the braces is free: `{{ name }}`.
- A name is letters (of any script), digits, `_`, `-`, `.` and single spaces between words, so that the
  columns of a spreadsheet are names. Capitals matter. A name is at most 100 characters long.
- `\{{` stands for two braces as they are, and `\\{{name}}` for a backslash before a value (as in
  Handlebars). A backslash anywhere else, single braces and a lone `}}` mean themselves, so JSON can be
  pasted in.
- Values are put in as they are and never looked at again: a value that holds `{{other}}` stays text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

MOST_NAME_CHARS = 100
MOST_PROBLEMS = 100
MOST_OUTPUT_CHARS = 10_000_000

_SINGLE_BRACES = re.compile(r"(?<![{\\])\{([^\W\d]\w{0,99})\}(?!\})")
_SIGILS = {
    "#": "Sections ({{#name}}) are not supported. Write {{name}} where the value belongs.",
    "^": "Inverted sections ({{^name}}) are not supported. Write {{name}} where the value belongs.",
    "/": "Sections ({{/name}}) are not supported. Take this tag out.",
    ">": "Including another text ({{>name}}) is not supported. Paste the text here.",
    "!": "Comments ({{! ... }}) are not supported. Take this out: the model would otherwise read it.",
    "&": "Values are always put in as they are, so write {{name}} without the &.",
    "=": "Other braces ({{= ... =}}) are not supported. Write \\{{ for two braces as they are.",
}
_HOW_TO = "Write {{name}} for a value, or \\{{ for two braces as they are."


class TemplateProblem(NamedTuple):
    """What is wrong and what to do; `line` and `column` count from 1, in characters."""

    line: int
    column: int
    message: str


class MissingVariable(ValueError):
    """The inputs lack variables that the text uses."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        listed = ", ".join("{{" + name + "}}" for name in names[:10])
        more = f" and {len(names) - 10} more" if len(names) > 10 else ""
        super().__init__(f"No value was given for {listed}{more}.")


class BrokenTemplate(ValueError):
    """The text cannot be rendered: `problems` says where and why."""

    def __init__(self, problems: tuple[TemplateProblem, ...]) -> None:
        self.problems = problems
        first = problems[0]
        super().__init__(f"Line {first.line}, column {first.column}: {first.message}")


class RenderedTooLong(ValueError):
    """The text with its values would be longer than what any model reads."""

    def __init__(self, chars: int) -> None:
        self.chars = chars
        super().__init__(
            f"The prompt would be {chars:,} characters long with these values; "
            f"{MOST_OUTPUT_CHARS:,} are allowed. Shorten the values."
        )


@dataclass(frozen=True, slots=True)
class Template:
    """A text taken apart: literal pieces, and between each two of them the name of a variable."""

    literals: tuple[str, ...]
    names: tuple[str, ...]
    problems: tuple[TemplateProblem, ...]

    @property
    def variables(self) -> list[str]:
        return list(dict.fromkeys(self.names))

    def render(self, inputs: Mapping[str, str]) -> str:
        """The text with the values in it. Raises BrokenTemplate, MissingVariable, RenderedTooLong."""
        if self.problems:
            raise BrokenTemplate(self.problems)
        values = _values(self.variables, inputs)
        chars = sum(map(len, self.literals)) + sum(len(values[name]) for name in self.names)
        if chars > MOST_OUTPUT_CHARS:
            raise RenderedTooLong(chars)
        pieces = [self.literals[0]]
        for name, literal in zip(self.names, self.literals[1:], strict=True):
            pieces += (values[name], literal)
        return "".join(pieces)


def variables_in(text: str) -> list[str]:
    """The names that a text uses, each once, in order of appearance. Broken tags count for nothing."""
    return parsed(text).variables


def check_template(text: str) -> list[TemplateProblem]:
    """Everything that is wrong with a text, in order, at most 100 problems; empty when it can be rendered."""
    return list(parsed(text).problems)


def render(text: str, inputs: Mapping[str, str]) -> str:
    """The text with the values of `inputs` in it; values that it does not use are ignored.

    Raises MissingVariable with all missing names, BrokenTemplate when check_template finds anything, and
    RenderedTooLong. Names are compared after Unicode NFC, so "é" is "é" however it was typed.
    """
    return parsed(text).render(inputs)


def is_variable_name(name: str) -> bool:
    """Whether `{{name}}` is a variable tag."""
    return len(name) <= MOST_NAME_CHARS and _is_words(name)


def single_brace_names(text: str) -> list[str]:
    """Names in single braces, `{name}`: they are left as they are, and were perhaps meant as `{{name}}`."""
    return list(dict.fromkeys(_SINGLE_BRACES.findall(text)))


@lru_cache(maxsize=32)
def parsed(text: str) -> Template:
    """Take a text apart once; a run renders the same few texts for each of its cases."""
    return _Parser(text).parse()


class _Parser:
    """One walk from tag to tag. Nothing is searched twice, so it is linear in the length of the text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.literals: list[str] = []
        self.names: list[str] = []
        self.problems: list[TemplateProblem] = []
        self._pending: list[str] = []
        self._line, self._line_start, self._counted = 1, 0, 0

    def parse(self) -> Template:
        kept_to = 0
        for start, after_braces, limit in self._openings():
            if start < kept_to:
                continue
            self._pending.append(self.text[kept_to:start])
            kept_to = self._escape(start, after_braces) or self._tag(start, after_braces, limit)
        self._pending.append(self.text[kept_to:])
        self.literals.append("".join(self._pending))
        return Template(tuple(self.literals), tuple(self.names), tuple(self.problems))

    def _openings(self) -> Iterator[tuple[int, int, int]]:
        """Runs of two or more opening braces: where each starts and ends, and where the next one starts."""
        runs = re.finditer(r"\{{2,}", self.text)
        run = next(runs, None)
        while run is not None:
            following = next(runs, None)
            yield run.start(), run.end(), following.start() if following else len(self.text)
            run = following

    def _escape(self, start: int, after_braces: int) -> int:
        """Deal with backslashes before the braces; the place to go on from, or 0 when this is a tag."""
        before = self._pending[-1]
        if before.endswith("\\\\"):
            self._pending[-1] = before[:-1]
            return 0
        if before.endswith("\\"):
            self._pending[-1] = before[:-1]
            self._pending.append(self.text[start:after_braces])
            return after_braces
        return 0

    def _tag(self, start: int, after_braces: int, limit: int) -> int:
        """Take in the tag that opens at `start`; the place to go on from."""
        if after_braces - start > 2:
            self._problem(start, f"There are {after_braces - start} opening braces in a row. {_HOW_TO}")
            return after_braces
        end = self.text.find("}}", after_braces, limit)
        if end < 0:
            self._problem(start, f"These braces are not closed: }}}} is missing. {_HOW_TO}")
            return after_braces
        content = self.text[after_braces:end].strip()
        if problem := _name_problem(content):
            self._problem(start, problem)
        else:
            self.literals.append("".join(self._pending))
            self._pending = []
            self.names.append(unicodedata.normalize("NFC", content))
        return end + 2

    def _problem(self, at: int, message: str) -> None:
        if len(self.problems) >= MOST_PROBLEMS:
            return
        self._line += self.text.count("\n", self._counted, at)
        newline = self.text.rfind("\n", self._line_start, at)
        self._line_start = newline + 1 if newline >= 0 else self._line_start
        self._counted = at
        self.problems.append(TemplateProblem(self._line, at - self._line_start + 1, message))


def _name_problem(content: str) -> str:
    """Why this is not a name, in a sentence; empty when it is one."""
    if not content:
        return f"There is no name between the braces. {_HOW_TO}"
    if content[0] in _SIGILS:
        return _SIGILS[content[0]]
    if "\n" in content:
        return f"These braces are not closed on their line: }}}} is missing. {_HOW_TO}"
    if len(content) > MOST_NAME_CHARS:
        return f"This name has {len(content):,} characters; {MOST_NAME_CHARS} are allowed. {_HOW_TO}"
    if any(unicodedata.category(char) == "Cf" for char in content):
        return f"“{content}” holds a character that cannot be seen. Type the name again."
    if not _is_words(content):
        return f"“{content}” cannot be a name: use letters, digits, _, -, . and single spaces between words. " + _HOW_TO
    return ""


def _is_words(name: str) -> bool:
    """Letters, their marks (as in Hindi and Thai), digits, `_`, `-`, `.`, in words one space apart."""
    words = name.split(" ")
    return name[:1] not in ("-", ".") and all(words) and all(_is_name_char(char) for char in "".join(words))


def _is_name_char(char: str) -> bool:
    return char.isalnum() or char in "_-." or unicodedata.category(char)[0] == "M"


def _values(names: list[str], inputs: Mapping[str, str]) -> dict[str, str]:
    composed = {unicodedata.normalize("NFC", name): value for name, value in inputs.items()}
    if missing := [name for name in names if name not in composed]:
        raise MissingVariable(missing)
    return {name: composed[name] for name in names}
