from prompts_app.selectors.prompts import (
    has_prompts,
    latest_version,
    prompt_by_name,
    prompt_counts,
    prompt_tags_in,
    prompt_version,
    prompt_versions,
    prompts_for_project,
    versions_page,
)

__all__ = [
    "has_prompts",
    "latest_version",
    "prompt_by_name",
    "prompt_counts",
    "prompt_tags_in",
    "prompt_version",
    "prompt_versions",
    "prompts_for_project",
    "versions_page",
]
