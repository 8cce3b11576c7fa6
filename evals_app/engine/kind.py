"""A kind of metric: what it is called, which settings it has, and how it marks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from evals_app.choices import Direction, ValueType
from evals_app.engine.config_check import ConfigError, check_against, defaults_of
from evals_app.engine.marks import Mark, Sample

__all__ = ["Config", "ConfigError", "Kind"]

Config = Mapping[str, Any]


def _nothing_more(config: Config) -> None:
    """Settings that fit the schema are right."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to mark answers.

    `title` and `summary` are words for people. `config_schema` is a JSON Schema (2020-12) of the settings,
    with titles, descriptions and defaults: forms and the API are made from it. `needs` names the parts of a
    case that it cannot do without when the settings are empty; `needs_of` says so for given settings.
    `scorer` is None for a kind that asks a model.
    """

    name: str
    title: str
    summary: str
    config_schema: Mapping[str, Any]
    needs: tuple[str, ...] = ()
    direction: Direction = Direction.HIGHER
    uses_model: bool = False
    scorer: Callable[[Config, Sample], Mark] | None = None
    extra_check: Callable[[Config], None] = _nothing_more
    value_type_of: Callable[[Config], ValueType] = field(default=lambda config: ValueType.YES_NO)
    needs_with: Callable[[Config], tuple[str, ...]] | None = None

    def settings(self, config: Config) -> dict[str, Any]:
        """The settings with the defaults filled in."""
        return defaults_of(self.config_schema) | dict(config)

    def value_type(self, config: Config) -> ValueType:
        """What its marks are. The settings must have been checked."""
        return self.value_type_of(self.settings(config))

    def needs_of(self, config: Config) -> tuple[str, ...]:
        """The parts of a case (`expected`, ...) that marking needs with these settings."""
        return self.needs_with(self.settings(config)) if self.needs_with else self.needs

    def check_config(self, config: Config) -> None:
        """Raise ConfigError, for the first wrong setting, when these settings cannot be used."""
        check_against(self.config_schema, config)
        self.extra_check(self.settings(config))
