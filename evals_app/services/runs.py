"""Runs: planned, stopped, resumed, marked again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from django.db import connection, transaction
from django.utils import timezone

from evals_app.choices import ACTIVE_RUN_STATES, RunSource, RunState, ScoreSource, ScoreState
from evals_app.engine import KINDS, Mark
from evals_app.engine.plan import sample_of
from evals_app.models import CaseVersion, Dataset, EvaluatorVersion, Result, Run, RunEvaluator, Score
from evals_app.selectors.datasets import cases_at
from evals_app.services.harvests import storable
from evals_app.services.quotes import Quote, run_quote, upload_quote
from evals_app.services.run_notes import note_carried_on, note_marked_again, note_started, note_stopped, note_uploaded
from evals_app.services.states import runs_settle
from llmops.core.models import Connection, Project, User
from llmops.core.services.connections import KEYLESS_VENDORS
from llmops.providers.base import Vendor, model_name
from llmops.texts import dollars
from prompts_app.models import PromptVersion

MOST_CONCURRENCY = 500
MOST_REPEATS = 20
MOST_RESULTS = 1_000_000


class RunProblem(ValueError):
    """A run that cannot be as asked; says which field and what to do."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What a run is asked to do. `connection` and `model` override the version's; `sample` takes so many cases."""

    dataset: Dataset
    evaluators: Sequence[EvaluatorVersion]
    version: PromptVersion | None = None
    connection: Connection | None = None
    model: str = ""
    repeats: int = 1
    concurrency: int = 10
    budget_usd: Decimal | None = None
    sample: int | None = None
    split: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class UploadedOutput:
    """An answer made elsewhere, for the case of this key or id, with marks that came along."""

    case_version: CaseVersion
    output: str
    marks: Mapping[int, Mark]


class _Draft(NamedTuple):
    """A run thought through: which cases, who answers, what it will take."""

    case_version_ids: list[int]
    connection: Connection
    model: str
    quote: Quote


def run_preview(*, wanted: RunSettings) -> Quote:
    """What the run would take. Raises RunProblem as `run_create` would."""
    return _draft(wanted, wanted.dataset).quote


def run_create(*, project: Project, wanted: RunSettings, author: User | None = None) -> Run:
    """Freeze the plan: one pending result per case and repeat, in one transaction.

    The caller nudges the workers after the commit; the tick finds the run anyway. Raises RunProblem.
    """
    with transaction.atomic():
        dataset = Dataset.objects.select_for_update().get(pk=wanted.dataset.pk)
        draft = _draft(wanted, dataset)
        run = _run(project, dataset, wanted, author, draft.quote, len(draft.case_version_ids) * wanted.repeats)
        run.connection, run.model = draft.connection, draft.model
        run.save(force_insert=True)
        _pin_evaluators(run, wanted.evaluators)
        _plan(run, draft.case_version_ids)
        note_started(run)
    return run


def run_upload(
    *, project: Project, wanted: RunSettings, outputs: Sequence[UploadedOutput], author: User | None = None
) -> Run:
    """A run over answers made elsewhere, for cases of the revision that `wanted.dataset` has.

    Marks that came along are taken as given; the others are computed. One transaction. Raises RunProblem.
    """
    if not outputs:
        raise RunProblem("outputs", "Send at least one output.")
    _check_numbers(wanted)
    if wanted.repeats != 1 or wanted.sample is not None or wanted.split:
        field = "repeats" if wanted.repeats != 1 else "split" if wanted.split else "sample"
        raise RunProblem(field, "Outputs made elsewhere say themselves which cases they are for. Leave this out.")
    quote = _upload_quote(wanted, outputs)
    _check_budget(wanted, quote, "the metrics’ models")
    with transaction.atomic():
        run = _run(project, wanted.dataset, wanted, author, quote, len(outputs))
        run.source = RunSource.UPLOADED
        run.save(force_insert=True)
        _pin_evaluators(run, wanted.evaluators)
        now = timezone.now()
        results = Result.objects.bulk_create(
            [
                Result(
                    project=project,
                    run=run,
                    case_id=output.case_version.case_id,
                    case_version=output.case_version,
                    position=output.case_version.position,
                    output=storable(output.output),
                    answered_at=now,
                    cost_usd=0,
                )
                for output in outputs
            ],
            batch_size=2_000,
        )
        _give_scores(run, results, outputs, wanted.evaluators)
        note_uploaded(run)
    return run


def run_stop(run: Run) -> None:
    """Ask for no more calls; those in flight are recorded, then the run is `stopped`. Idempotent."""
    with transaction.atomic():
        stopping = Run.objects.filter(pk=run.pk, state__in=[RunState.QUEUED, RunState.RUNNING]).update(
            state=RunState.STOPPING, reason="Stopped by a person."
        )
        if stopping:
            note_stopped(run)
    if stopping:
        runs_settle([run.pk])
    run.refresh_from_db()


def run_resume(run: Run, *, budget_usd: Decimal | None = None) -> None:
    """Carry on a stopped or failed run with what is left; results that are there stay. Raises RunProblem."""
    with transaction.atomic():
        locked = Run.objects.select_for_update().get(pk=run.pk)
        if locked.state in ACTIVE_RUN_STATES and locked.state != RunState.STOPPING:
            return
        if locked.state == RunState.FINISHED:
            raise RunProblem("state", "This run is finished: there is nothing left to do.")
        if budget_usd is not None and locked.quote_cost_usd is None:
            raise RunProblem("budget_usd", "Nobody knows what this run’s models cost, so a budget cannot be kept.")
        budget = budget_usd if budget_usd is not None else locked.budget_usd
        if budget is not None and locked.spent_usd >= budget:
            raise RunProblem(
                "budget_usd", f"{dollars(locked.spent_usd)} of {dollars(budget)} is spent. Allow more to carry on."
            )
        RunEvaluator.objects.filter(run=run).update(summarised_at=None)
        Run.objects.filter(pk=run.pk).update(state=RunState.QUEUED, reason="", budget_usd=budget, finished_at=None)
        note_carried_on(run, budget_usd=budget)
    run.refresh_from_db()


def run_rescore(run: Run, *, evaluators: Sequence[EvaluatorVersion]) -> None:
    """Mark saved answers again with these evaluator versions; no answer is asked for again.

    Marks that are there stay, whichever version gave them; what was not scored for want of a mark is tried
    again. Results without an answer keep their error. Raises RunProblem, also for a run that was stopped with
    answers missing, since marking it again would ask for them.
    """
    if not evaluators:
        raise RunProblem("evaluators", "Name at least one metric to score the answers with.")
    with transaction.atomic():
        locked = Run.objects.select_for_update().get(pk=run.pk)
        if locked.state in ACTIVE_RUN_STATES:
            raise RunProblem("state", "This run is still going. Wait until it is finished.")
        if locked.state != RunState.FINISHED:
            raise RunProblem("state", "This run was stopped before its end. Carry it on first, then score it again.")
        RunEvaluator.objects.filter(run=run).delete()
        _pin_evaluators(run, evaluators)
        unmarked = [ScoreState.ERROR, ScoreState.UNSCORED]
        Score.objects.filter(run=run, state__in=unmarked, source__in=[ScoreSource.CODE, ScoreSource.JUDGE]).delete()
        n_again = Result.objects.filter(run=run, answered_at__isnull=False, state="done").update(
            state="pending", n_leases=0, finished_at=None, reason="", error_kind=""
        )
        Run.objects.filter(pk=run.pk).update(
            state=RunState.QUEUED, finished_at=None, n_finished=locked.n_finished - n_again
        )
        note_marked_again(run, evaluators)
    runs_settle([run.pk])  # there may be nothing to mark
    run.refresh_from_db()


def _draft(wanted: RunSettings, dataset: Dataset) -> _Draft:
    if wanted.version is None:
        raise RunProblem("prompt", "Choose a prompt.")
    answers = wanted.connection or wanted.version.connection
    if answers is None:
        raise RunProblem("model", "Choose the connection and the model that answer: this version names none.")
    if answers.archived_at is not None:
        raise RunProblem("model", f"The connection “{answers.name}” was removed. Choose another one for this run.")
    model = model_name(answers.vendor, wanted.model or _model_of(wanted.version, answers))
    _check_numbers(wanted)
    case_version_ids = _case_version_ids(dataset, wanted)
    _check_variables(wanted.version, dataset, wanted.split)
    quote = run_quote(
        version=wanted.version,
        connection=answers,
        model=model,
        case_version_ids=case_version_ids,
        repeats=wanted.repeats,
        concurrency=wanted.concurrency,
        evaluators=wanted.evaluators,
    )
    _check_budget(wanted, quote, f"“{model}”")
    return _Draft(case_version_ids, answers, model, quote)


def _model_of(version: PromptVersion, answers: Connection) -> str:
    """The version's own model where it may be one of this connection, else the one to begin with there. A server
    of one's own may pass on to a vendor, so it may know that vendor's models; no vendor knows those of a server.
    Raises RunProblem when there is none."""
    vendor = version.connection.vendor if version.connection else answers.vendor
    passed_on = answers.vendor == Vendor.OPENAI_COMPATIBLE and vendor not in KEYLESS_VENDORS
    known = version.model if vendor == answers.vendor or passed_on else ""
    if model := known or answers.model_to_begin_with:
        return model
    if not version.model:
        raise RunProblem("model", "Choose the model that answers: this version names none.")
    raise RunProblem(
        "model", f"“{version.model}” is a model of another vendor. Say which model of “{answers.name}” answers."
    )


def _check_budget(wanted: RunSettings, quote: Quote, what: str) -> None:
    if wanted.budget_usd is not None and quote.cost_usd is None:
        raise RunProblem(
            "budget_usd", f"Nobody knows what {what} costs, so a budget cannot be kept. Start without one."
        )


def _check_numbers(wanted: RunSettings) -> None:
    if not 1 <= wanted.repeats <= MOST_REPEATS:
        raise RunProblem("repeats", f"Repeats are a whole number from 1 to {MOST_REPEATS}.")
    if not 1 <= wanted.concurrency <= MOST_CONCURRENCY:
        raise RunProblem("concurrency", f"Calls at a time are a whole number from 1 to {MOST_CONCURRENCY}.")
    if wanted.budget_usd is not None and wanted.budget_usd <= 0:
        raise RunProblem("budget_usd", "A budget is more than zero dollars. Leave it empty for none.")
    if wanted.sample is not None and wanted.sample < 1:
        raise RunProblem("sample", "A sample has at least one case. Leave it empty to take all.")
    if wanted.sample is not None and wanted.sample > MOST_RESULTS:
        raise RunProblem("sample", f"A sample has at most {MOST_RESULTS:,} cases. Leave it empty to take all.")


def _case_version_ids(dataset: Dataset, wanted: RunSettings) -> list[int]:
    cases = list(cases_at(dataset, revision=dataset.revision, tag=wanted.split).values_list("pk", "case_id"))
    if wanted.sample is not None:
        chosen = sample_of([case_id for _, case_id in cases], size=wanted.sample, seed=dataset.pk)
        cases = [case for case in cases if case[1] in chosen]
    ids = [pk for pk, _ in cases]
    if not ids:
        what = f"with the tag “{wanted.split}”" if wanted.split else "in it"
        raise RunProblem("dataset", f"The dataset “{dataset.name}” has no cases {what} yet. Add some first.")
    if len(ids) * wanted.repeats > MOST_RESULTS:
        raise RunProblem("sample", f"A run has at most {MOST_RESULTS:,} answers. Take a sample.")
    return ids


def _check_variables(version: PromptVersion, dataset: Dataset, split: str) -> None:
    cases = cases_at(dataset, revision=dataset.revision, tag=split).order_by()
    missing = [name for name in version.variables if not cases.filter(inputs__has_key=name).exists()]
    if missing:
        names = " and ".join(f"{{{{{name}}}}}" for name in missing)
        one = len(missing) == 1
        raise RunProblem(
            "dataset",
            f"The prompt uses {names}, but no case of “{dataset.name}” has {'it' if one else 'them'}. Its columns are: "
            f"{', '.join(dataset.columns) or 'none'}. Rename the variable{'' if one else 's'} in the prompt or add the "
            f"column{'' if one else 's'}.",
        )


def _run(
    project: Project, dataset: Dataset, wanted: RunSettings, author: User | None, quote: Quote, n_results: int
) -> Run:
    return Run(
        project=project,
        dataset=dataset,
        revision=dataset.revision,
        prompt_version=wanted.version,
        label=wanted.label[:200],
        repeats=wanted.repeats,
        concurrency=wanted.concurrency,
        sample=wanted.sample,
        sample_seed=dataset.pk,
        split=wanted.split,
        n_results=n_results,
        quote_calls=quote.calls,
        quote_cost_usd=quote.cost_usd,
        quote_s=quote.seconds,
        budget_usd=wanted.budget_usd,
        created_by=author,
    )


def _pin_evaluators(run: Run, evaluators: Sequence[EvaluatorVersion]) -> None:
    RunEvaluator.objects.bulk_create(
        RunEvaluator(run=run, evaluator_version=version, position=at) for at, version in enumerate(evaluators)
    )


def _plan(run: Run, case_version_ids: Sequence[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO evals_app_result (project_id, run_id, case_id, case_version_id, repeat, position, state,"
            "                              n_leases, output, finish_reason, error_kind, reason, n_attempts)"
            " SELECT %s, %s, content.case_id, content.id, repeat, content.position, 'pending', 0, '', '', '', '', 0"
            "   FROM evals_app_caseversion AS content, generate_series(1, %s) AS repeat"
            "  WHERE content.id = ANY(%s)"
            "  ORDER BY content.position, repeat",
            [run.project_id, run.pk, run.repeats, list(case_version_ids)],
        )


def _upload_quote(wanted: RunSettings, outputs: Sequence[UploadedOutput]) -> Quote:
    given = Counter(version_id for output in outputs for version_id in output.marks)
    return upload_quote(
        case_version_ids=[output.case_version.pk for output in outputs],
        mean_output_chars=sum(len(output.output) for output in outputs) / len(outputs),
        calls={version.pk: len(outputs) - given[version.pk] for version in wanted.evaluators},
        concurrency=wanted.concurrency,
        evaluators=wanted.evaluators,
    )


def _give_scores(
    run: Run,
    results: Sequence[Result],
    outputs: Sequence[UploadedOutput],
    evaluators: Sequence[EvaluatorVersion],
) -> None:
    judges = {version.pk for version in evaluators if KINDS[version.evaluator.kind].uses_model}
    Score.objects.bulk_create(
        [
            Score(
                project_id=run.project_id,
                run=run,
                result=result,
                evaluator_version_id=version_id,
                source=ScoreSource.JUDGE if version_id in judges else ScoreSource.CODE,
                state=mark.state,
                value=mark.value,
                label=mark.label[:200],
                reason=mark.reason[:2000],
            )
            for result, output in zip(results, outputs, strict=True)
            for version_id, mark in output.marks.items()
        ],
        batch_size=2_000,
    )
