"""The demo project: a support assistant of an online bank, to try everything out with."""

from __future__ import annotations

from asgiref.sync import async_to_sync

from evals_app.engine.case_files import CaseRow
from evals_app.models import Run
from evals_app.services.datasets import cases_put, dataset_create
from evals_app.services.evaluators import evaluator_create
from evals_app.services.pump import runs_drive
from evals_app.services.runs import RunSettings, run_create
from evals_app.services.summaries import run_summarise
from llmops.core.models import Project, User
from llmops.core.services import ConnectionSettings, connection_create
from llmops.providers.base import Vendor
from llmops.providers.limits import Unlimited
from llmops.providers.practice_bank import practice_bank
from prompts_app.choices import PromptKind
from prompts_app.services import VersionContent, prompt_create, version_publish

PROMPT = "support-answer"
DATASET = "Card and account questions"
METRIC = "Correct"
PUMP_S = 20.0


def demo_fill(*, project: Project, author: User) -> Run:
    """Fill an empty project with connections, a prompt in two versions, 40 cases, a metric and a finished run.

    The run asks the practice model, which is part of the code, so nothing leaves this machine and nothing costs.
    """
    bank = practice_bank()
    practice = connection_create(
        project=project, wanted=ConnectionSettings(name="practice", vendor=Vendor.PRACTICE), created_by=author
    )
    first, second = (
        VersionContent(
            messages=version.messages,
            connection=practice,
            model="banker",
            temperature=0.0,
            max_tokens=200,
        )
        for version in bank.versions
    )
    version = prompt_create(
        project=project,
        name=PROMPT,
        kind=PromptKind.CHAT,
        content=first,
        message=bank.versions[0].message,
        tags=["demo"],
        author=author,
    )
    version_publish(version.prompt, content=second, message=bank.versions[1].message, author=author)
    dataset = dataset_create(
        project=project,
        name=DATASET,
        description="What customers of an online bank ask, with the fact that a right answer must hold.",
        author=author,
    )
    rows = [
        CaseRow(key=case.key, inputs=dict(case.inputs), expected=case.expected, tags=list(case.tags))
        for case in bank.cases
    ]
    cases_put(dataset, rows, author=author, message="Demo cases")
    dataset.refresh_from_db()
    metric = evaluator_create(project=project, name=METRIC, kind="contains", config={}, author=author)
    run = run_create(
        project=project, wanted=RunSettings(dataset=dataset, evaluators=[metric], version=version), author=author
    )
    async_to_sync(runs_drive)(limiter=Unlimited(), for_s=PUMP_S)
    run.refresh_from_db()
    run_summarise(run)
    return run
