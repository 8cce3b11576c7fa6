"""The pages that the demo project can show, by the names of the URLconf: every one has at least one address here.

`tests/architecture/test_pages_are_looked_at.py` fails for a page without an entry.
"""

from __future__ import annotations

DATASET = "datasets/Card%20and%20account%20questions"

PAGES: dict[str, list[str]] = {
    "core:home": [""],
    "core:search": ["search/", "search/?q=card", "search/?q=nothing-like-that"],
    "core:connection-list": ["models/"],
    "core:connection-new": ["models/new/", "models/new/?vendor=openai"],
    "core:connection-edit": ["models/practice/edit/"],
    "core:connection-remove": ["models/practice/remove/"],
    "core:settings": ["settings/"],
    "core:member-list": ["settings/members/"],
    "core:member-invite": ["settings/members/invite/"],
    "core:member-edit": ["settings/members/1/"],
    "core:member-remove": ["settings/members/1/remove/"],
    "core:api-key-list": ["settings/api-keys/"],
    "core:api-key-revoke": ["settings/api-keys/1/revoke/"],
    "core:audit-trail": ["settings/audit/", "settings/audit/?entry=1", "settings/audit/?kind=prompt&days=1"],
    "core:saved-view-new": ["save-view/?place=runs&query=state%3Dfinished"],
    "core:saved-view-edit": ["views/1/"],
    "prompts:prompt-list": ["prompts/", "prompts/?q=nothing-like-that", "prompts/?archived=1"],
    "prompts:prompt-new": ["new-prompt/"],
    "prompts:prompt-detail": ["prompts/support-answer/", "prompts/support-answer/?version=1"],
    "prompts:prompt-compare": ["prompts/support-answer/compare/"],
    "prompts:prompt-versions": ["prompts/support-answer/versions/"],
    "prompts:prompt-duplicate": ["prompts/support-answer/duplicate/"],
    "evals:dataset-list": ["datasets/"],
    "evals:dataset-new": ["new-dataset/"],
    "evals:dataset-detail": [f"{DATASET}/", f"{DATASET}/?case=1", f"{DATASET}/?q=nothing-like-that"],
    "evals:dataset-edit": [f"{DATASET}/edit/"],
    "evals:dataset-revisions": [f"{DATASET}/history/"],
    "evals:dataset-changes": [f"{DATASET}/changes/", f"{DATASET}/changes/?from=0&to=1"],
    "evals:dataset-import": [f"{DATASET}/import/"],
    "evals:case-add": [f"{DATASET}/add/"],
    "evals:evaluator-list": ["metrics/"],
    "evals:evaluator-new": ["new-metric/", "new-metric/?kind=rubric"],
    "evals:evaluator-detail": ["metrics/Correct/"],
    "evals:run-list": ["runs/", "runs/?state=finished", "runs/?q=nothing-like-that"],
    "evals:run-new": ["runs/new/"],
    "evals:run-detail": ["runs/1/", "runs/1/?show=wrong", "runs/1/?result=1"],
}
OWN_PAGES = ["/account/", "/new-project/"]
OPEN_PAGES = ["/sign-in/", "/forgotten-password/", "/new-password/x/", "/no-such-page/", "/p/no-such-project/"]
NO_PAGE = {
    "core:audit-export": "a file",
    "evals:dataset-export": "a file",
    "evals:case-edit": "a part of the page of a dataset",
    "evals:case-cell": "a cell of the page of a dataset",
    "evals:run-quote": "a part of the page of a new run",
    "evals:import-changes": "a step of an import, which needs a file",
    "prompts:prompt-try": "shows the page of the prompt",
}
