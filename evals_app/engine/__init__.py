"""The engine of evaluation: kinds of metrics and how they mark. Pure: no framework, no network, no database."""

from collections.abc import Mapping

from evals_app.engine.kind import Config, ConfigError, Kind
from evals_app.engine.marks import Mark, Sample
from evals_app.engine.scorers.contains import CONTAINS
from evals_app.engine.scorers.exact import EXACT
from evals_app.engine.scorers.numeric import NUMERIC
from evals_app.engine.scorers.regex import REGEX

KINDS: Mapping[str, Kind] = {kind.name: kind for kind in (EXACT, CONTAINS, NUMERIC, REGEX)}


def mark(kind: str, config: Config, sample: Sample) -> Mark:
    """Mark one answer with a code metric. The settings must have been checked."""
    scorer = KINDS[kind].scorer
    assert scorer is not None
    return scorer(KINDS[kind].settings(config), sample)


__all__ = ["KINDS", "Config", "ConfigError", "Kind", "Mark", "Sample", "mark"]
