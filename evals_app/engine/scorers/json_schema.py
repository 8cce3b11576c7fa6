"""json_schema: the answer is JSON of a certain form."""

from __future__ import annotations

from evals_app.engine.config_check import ConfigError
from evals_app.engine.json_reading import NotJson, read_json, without_fence
from evals_app.engine.json_schemas import BadSchema, check_schema, first_misfit
from evals_app.engine.kind import Config, Kind
from evals_app.engine.marks import Mark, Sample, no, unscored, yes
from evals_app.engine.safe_regex import TooSlow


def json_schema_mark(settings: Config, sample: Sample) -> Mark:
    """Yes when the whole answer is JSON that fits the schema."""
    fenced = without_fence(sample.output)
    text = fenced if fenced is not None and settings["accept_fence"] else sample.output
    try:
        value = read_json(text)
    except NotJson as wrong:
        if fenced is not None and not settings["accept_fence"]:
            return no("The JSON stands in a code fence (```), which the settings of this metric do not accept.")
        return no(f"The answer is not JSON: {wrong}.")
    try:
        misfit = first_misfit(settings["schema"], value)
    except TooSlow:
        return unscored("Checking the answer against the schema took too long and was stopped. Simplify the schema.")
    except BadSchema as wrong:
        raise ConfigError("schema", str(wrong)) from wrong
    if misfit is None:
        return yes("The answer is JSON of the wanted form.")
    subject = f"“{misfit.where}”" if misfit.where else "The answer"
    return no(f"{subject} {misfit.what}.")


def _check(settings: Config) -> None:
    try:
        check_schema(settings["schema"])
    except BadSchema as wrong:
        raise ConfigError("schema", str(wrong)) from wrong


JSON_SCHEMA = Kind(
    name="json_schema",
    title="JSON of a certain form",
    summary="The answer must be JSON that follows a schema: the right fields, of the right types.",
    config_schema={
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "schema": {
                "type": ["object", "boolean"],
                "default": {},
                "title": "JSON Schema",
                "description": "Drafts 4, 6, 7, 2019-09 and 2020-12. Leave it as {} to accept any JSON.",
            },
            "accept_fence": {
                "type": "boolean",
                "default": False,
                "title": "Accept JSON in a code fence",
                "description": "Models like to wrap JSON in ```. Switch on if your application takes it off.",
            },
        },
    },
    scorer=json_schema_mark,
    extra_check=_check,
)
