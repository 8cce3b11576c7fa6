"""All kinds of metrics, and marking with those that need no model."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from evals_app.choices import ScoreState
from evals_app.engine.config_check import ConfigError
from evals_app.engine.kind import Config, Kind
from evals_app.engine.marks import Mark, Sample
from evals_app.engine.scorers.contains import CONTAINS
from evals_app.engine.scorers.exact import EXACT
from evals_app.engine.scorers.json_schema import JSON_SCHEMA
from evals_app.engine.scorers.numeric import NUMERIC
from evals_app.engine.scorers.regex import REGEX
from evals_app.engine.scorers.rubric import RUBRIC

KINDS: Mapping[str, Kind] = MappingProxyType(
    {kind.name: kind for kind in (EXACT, CONTAINS, REGEX, NUMERIC, JSON_SCHEMA, RUBRIC)}
)


class NeedsModel(LookupError):
    """This kind asks a model (see scorers.rubric) and cannot be computed."""


def mark(kind: str, config: Config, sample: Sample) -> Mark:
    """Mark an answer with a kind that code computes. Takes at most about a second, whatever the settings are.

    The same arguments give the same mark. Settings that no longer fit give an ERROR mark. Raises KeyError for
    an unknown kind and NeedsModel for one that asks a model.
    """
    chosen = KINDS[kind]
    if chosen.scorer is None:
        raise NeedsModel(kind)
    try:
        return chosen.scorer(chosen.settings(config), sample)
    except ConfigError as wrong:
        return Mark(ScoreState.ERROR, reason=f"The settings of this metric no longer fit: {wrong.message}")
