"""What the columns of a file mean: which one is the expected answer or the key, which are variables."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from evals_app.engine.files.rows import FileProblem


class Role(StrEnum):
    """What a column can be. All but `input` and `ignore` belong to one column at most."""

    INPUT = "input"
    EXPECTED = "expected"
    KEY = "key"
    REFERENCE = "reference"
    PREVIOUS = "previous"
    FEEDBACK = "feedback"
    TAGS = "tags"
    GROUP = "group"
    METADATA = "metadata"
    CASE = "case"
    IGNORE = "ignore"


SHARED_ROLES = (Role.INPUT, Role.IGNORE)

# The names that columns go by, the most certain first. A name stands for one role only.
_NAMES: dict[Role, tuple[str, ...]] = {
    Role.KEY: (
        "key", "case key", "case id", "id", "example id", "external id", "row id", "question id",
        "uid", "uuid", "index",
    ),
    Role.EXPECTED: (
        "expected", "expected answer", "expected output", "expected response", "expected result",
        "expected value", "correct answer", "correct output", "correct response", "right answer",
        "ideal answer", "ideal output", "ideal response", "ideal", "gold answer", "golden answer", "gold",
        "ground truth", "target", "target output", "answer", "correct", "final label", "gold label", "label",
        "intent", "class", "category",
    ),
    Role.REFERENCE: (
        "reference", "reference answer", "reference text", "reference output", "reference response", "ref",
    ),
    Role.PREVIOUS: (
        "previous", "previous answer", "previous output", "previous response", "old answer", "old output",
        "baseline", "baseline answer", "baseline output",
    ),
    Role.FEEDBACK: ("feedback", "user feedback", "human feedback", "reviewer feedback", "critique"),
    Role.TAGS: ("tags", "tag", "labels"),
    Role.GROUP: ("group", "group id", "conversation id", "session id", "cluster id"),
    Role.METADATA: ("metadata", "meta"),
}  # fmt: skip
_RANK = {name: (role, rank) for role, names in _NAMES.items() for rank, name in enumerate(names)}

# What a download calls the column that says which case a row is, and of which revision the file was made.
_CASE_HEADER = re.compile(r"case \((?:revision (\d{1,9})|any revision)\)", re.IGNORECASE)
_WORD_BREAK = re.compile(r"(?<=[a-z])(?=[A-Z])|[\W_]+")
_EXPLICIT = re.compile(r"inputs?\s*[:.]\s*(.+)", re.IGNORECASE | re.DOTALL)
_DELIMITERS = re.compile("[,;|]")
_NOT_BARE = re.compile("[,;| ]")


class Target(NamedTuple):
    """A column's meaning: its role and, for inputs, the variable's name."""

    role: Role
    variable: str = ""


def guess_mapping(columns: Iterable[str]) -> dict[str, str]:
    """Each column's meaning by its name: a role, "input" (a variable of this name) or "input:NAME".

    "Expected answer", "ground_truth" and "expectedAnswer" all speak for `expected`; when several columns
    do, the most certain name gets the role and the rest are variables. `input:NAME` and `inputs.NAME` as a
    column's name say openly that it is the variable NAME, whatever NAME looks like.
    """
    names = list(columns)
    mapping = {column: _as_input(column) for column in names}
    for role in _NAMES:
        ranked = [(_RANK[_plain(column)][1], column) for column in names if _role_named(column) is role]
        if ranked:
            mapping[min(ranked, key=lambda pair: pair[0])[1]] = role.value
    if case := next((column for column in names if _CASE_HEADER.fullmatch(column)), None):
        mapping[case] = Role.CASE.value
    return mapping


def case_header(revision: int | None) -> str:
    """The name of the column of cases in a download of the newest `revision`; without it, of an older one."""
    return "case (any revision)" if revision is None else f"case (revision {revision})"


def made_at(mapping: Mapping[str, str]) -> int | None:
    """The revision of which the file was made, when its column of cases says so."""
    column = next((column for column, meaning in mapping.items() if meaning == Role.CASE), "")
    found = _CASE_HEADER.fullmatch(column)
    return int(found[1]) if found and found[1] else None


def resolve_mapping(columns: Sequence[str], wanted: Mapping[str, str] | None) -> dict[str, str]:
    """What each column means: as wanted, and guessed where nothing is wanted.

    A role that is wanted for one column is not guessed for another. Raises FileProblem for meanings that do
    not exist, that two columns share, or that are wanted of a column which is not there.
    """
    wanted = dict(wanted or {})
    for column in wanted:
        if column not in columns:
            raise missing_column(column, columns)
    taken = {parse_target(column, meaning).role for column, meaning in wanted.items()}
    mapping = {}
    for column, guess in guess_mapping(columns).items():
        role = parse_target(column, guess).role
        free = role in SHARED_ROLES or role not in taken
        mapping[column] = wanted.get(column, guess if free else _as_input(column))
    check_mapping(mapping)
    return mapping


def check_mapping(mapping: Mapping[str, str]) -> None:
    """Raises FileProblem when two columns have one meaning."""
    holders: dict[Target, str] = {}
    for column, meaning in mapping.items():
        target = parse_target(column, meaning)
        if target in holders and target.role is not Role.IGNORE:
            what = f"the variable “{target.variable}”" if target.variable else target.role.value
            raise FileProblem(
                f"The columns “{holders[target]}” and “{column}” are both meant as {what}. Keep one of them."
            )
        holders[target] = column


def parse_target(column: str, meaning: str) -> Target:
    """A meaning as the mapping writes it. Raises FileProblem for one that does not exist."""
    word, colon, variable = meaning.partition(":")
    if word == Role.INPUT:
        return Target(Role.INPUT, variable if colon and variable else column)
    if meaning not in tuple(Role):
        known = ", ".join(f"“{role}”" for role in Role)
        raise FileProblem(f"“{meaning}” is not a meaning of a column. Choose one of {known} or “input:NAME”.")
    return Target(Role(meaning))


def missing_column(column: str, columns: Sequence[str]) -> FileProblem:
    there = ", ".join(f"“{name}”" for name in columns[:20]) + (" and more" if len(columns) > 20 else "")
    return FileProblem(f"The file has no column “{column}”; it has {there}. Rename the column or choose another one.")


def input_header(variable: str) -> str:
    """A column name that is read as this variable and nothing else: the plain name, or `input:` before it.

    Odd names (white space at the ends, delimiters, signs that begin a formula) are written as a JSON string.
    """
    if variable.isprintable() and re.match(r"\w", variable) and not _DELIMITERS.search(variable):
        tidy = variable == " ".join(variable.split())
        if tidy and guess_mapping([variable])[variable] == Role.INPUT:
            return variable
        if tidy:
            return f"input:{variable}"
    quoted = json.dumps(variable)
    return "input:" + _NOT_BARE.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)


def _as_input(column: str) -> str:
    found = _EXPLICIT.fullmatch(column)
    return f"input:{_unquoted(found[1])}" if found else Role.INPUT.value


def _unquoted(name: str) -> str:
    if not name.startswith('"'):
        return name
    try:
        value = json.loads(name)
    except ValueError:
        return name
    return value if isinstance(value, str) and value else name


def _role_named(column: str) -> Role | None:
    found = _RANK.get(_plain(column))
    return found[0] if found else None


def _plain(column: str) -> str:
    return " ".join(_WORD_BREAK.sub(" ", column).split()).casefold()
