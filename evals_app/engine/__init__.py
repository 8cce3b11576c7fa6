"""Evaluation without Django: kinds of metrics, marks, plans, quotes, sums, and files of cases."""

from evals_app.choices import Direction, ScoreState, ValueType
from evals_app.engine.config_check import ConfigError
from evals_app.engine.kind import Config, Kind
from evals_app.engine.kinds import KINDS, NeedsModel, mark
from evals_app.engine.marks import Mark, Sample

__all__ = [
    "KINDS",
    "Config",
    "ConfigError",
    "Direction",
    "Kind",
    "Mark",
    "NeedsModel",
    "Sample",
    "ScoreState",
    "ValueType",
    "mark",
]
