from prompts_app.selectors.prompts import (
    latest_version,
    prompt_by_name,
    prompt_version,
    prompt_versions,
    prompts_for_project,
)

__all__ = ["latest_version", "prompt_by_name", "prompt_version", "prompt_versions", "prompts_for_project"]
