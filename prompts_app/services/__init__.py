from prompts_app.services.prompts import (
    NewerVersion,
    PromptNameTaken,
    PromptProblem,
    Published,
    VersionContent,
    content_problems,
    prompt_archive,
    prompt_create,
    prompt_tag,
    prompt_unarchive,
    version_publish,
)
from prompts_app.services.requests import draft_request, rendered_messages, version_request

__all__ = [
    "NewerVersion",
    "PromptNameTaken",
    "PromptProblem",
    "Published",
    "VersionContent",
    "content_problems",
    "draft_request",
    "prompt_archive",
    "prompt_create",
    "prompt_tag",
    "prompt_unarchive",
    "rendered_messages",
    "version_publish",
    "version_request",
]
