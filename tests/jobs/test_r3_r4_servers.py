"""R3 and R4: Redis is emptied or goes away, Postgres crashes, all in the middle of runs, and nothing is lost.

The servers are this module's own, with a whole platform over them.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator

import psutil
import pytest
import redis
from pytest_django import DjangoDbBlocker

from evals_app.models import Result, Run
from evals_app.services import run_stop
from llmops.core.models import Connection
from tests.evals_app.factories import World, make_world
from tests.jobs.conftest import FULL, Size
from tests.jobs.model_server import ModelServer
from tests.jobs.processes import until
from tests.jobs.servers import Server, Site, orm_answers, site_of_its_own
from tests.jobs.test_survival import check_nothing_lost_or_doubled, until_finished
from tests.jobs.web import browser_of_a_member, program_of

pytestmark = [pytest.mark.jobs, pytest.mark.slow, pytest.mark.usefixtures("loopback")]

AWAY_S = 30.0 if FULL else 2.0
RESUMES_WITHIN_S = 15.0
RECONNECTS_WITHIN_S = 30.0
PAGE_S = 3.0
CRASHES_AT = [0.1, 0.4, 0.7] if FULL else [0.4]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker) -> Iterator[Site]:
    with django_db_blocker.unblock(), site_of_its_own(tmp_path_factory.mktemp("site")) as started:
        yield started


def start_by_rest(site: Site, world: World, size: Size) -> Run:
    """Start a run as a program does: the web process tells the workers."""
    body = {"dataset": "cases", "prompt": "echo", "evaluators": ["Exact"], "concurrency": size.concurrency}
    answer = program_of(site.platform.web_url, world.project).post("/api/v1/runs/", body)
    assert (answer.status, answer.took_s < PAGE_S) == (201, True), answer
    return Run.objects.get(pk=answer.json["id"])


def until_under_way(run: Run, server: ModelServer, share: float) -> None:
    until(lambda: len(server.calls) > share * run.n_results, what=f"{share:.0%} of the run")


def check_scheduling(since: float) -> None:
    """A run of which nobody told the workers is found by beat and worker over Redis."""
    with ModelServer() as server:
        run = make_world(n_cases=5, base_url=server.url).run()
        until(lambda: server.calls, within_s=since + RESUMES_WITHIN_S - time.monotonic(), what="scheduling")
        until_finished(run)
    check_nothing_lost_or_doubled(run, server)


# -- R3 --------------------------------------------------------------------------------------------


def test_r3_redis_emptied_in_the_middle_of_a_run_loses_nothing(site: Site, size: Size) -> None:
    with ModelServer(delay_s=0.2) as server:
        run = start_by_rest(site, make_world(n_cases=size.n_cases, base_url=server.url), size)
        until_under_way(run, server, 0.4)
        redis.Redis.from_url(site.redis_url).flushall()
        emptied_at = time.monotonic()
        until_finished(run)
    assert check_nothing_lost_or_doubled(run, server) == 0
    check_scheduling(emptied_at)


def kill(server: Server) -> None:
    server.kill()


def freeze(server: Server) -> None:
    server.freeze()


@pytest.mark.parametrize(("take_away", "bring_back"), [(kill, Server.start), (freeze, Server.thaw)])
def test_r3_while_redis_is_away_runs_go_on_and_pages_work_and_then_scheduling_resumes(
    site: Site, size: Size, take_away: Callable[[Server], None], bring_back: Callable[[Server], None]
) -> None:
    with ModelServer(delay_s=0.2) as server, ModelServer() as other:
        run = start_by_rest(site, make_world(n_cases=size.n_cases, base_url=server.url), size)
        until_under_way(run, server, 0.4)
        take_away(site.redis)
        away_at = time.monotonic()
        try:
            second = start_by_rest(site, make_world(n_cases=10, base_url=other.url), size)
            check_pages(site, run)
            until_finished(run)
            until(lambda: time.monotonic() - away_at > AWAY_S, what="the time away")
        finally:
            bring_back(site.redis)
        back_at = time.monotonic()
        check_scheduling(back_at)
        until_finished(second, within_s=back_at + RESUMES_WITHIN_S - time.monotonic())
    assert check_nothing_lost_or_doubled(run, server) == 0
    assert check_nothing_lost_or_doubled(second, other) == 0
    print(f"away {AWAY_S:g} s; scheduled {time.monotonic() - back_at:.1f} s later")  # noqa: T201


def check_pages(site: Site, run: Run) -> None:
    browser = browser_of_a_member(site.platform.web_url, run.project)
    here = f"/p/{run.project.slug}"
    for path in (f"{here}/", f"{here}/runs/", f"{here}/runs/{run.pk}/", f"{here}/runs/new/", f"{here}/models/"):
        seen = browser.get(path)
        assert (seen.status, seen.took_s < PAGE_S) == (200, True), (path, seen.status, seen.took_s)
    ready = browser.get("/readyz")
    assert (ready.status, ready.json["redis"], ready.took_s < PAGE_S) == (200, "down", True), ready


def test_r3_without_redis_each_process_keeps_to_its_share_of_the_limits(site: Site, size: Size) -> None:
    """600 calls a minute for both processes of the worker: 300 for each, with nothing saved up."""
    with ModelServer() as server:
        world = make_world(n_cases=200, base_url=server.url)
        Connection.objects.filter(pk=world.connection.pk).update(requests_per_minute=600)
        run = start_by_rest(site, world, Size(200, 20))
        until(lambda: len(server.calls) > 40, what="what is saved up used up")
        site.redis.kill()
        try:
            before, killed_at = len(server.calls), time.monotonic()
            until(lambda: len(server.calls) >= before + 60, what="calls without Redis")
            took_s = time.monotonic() - killed_at
        finally:
            site.redis.start()
        run_stop(run)
    # Up to 20 calls had been allowed by Redis already and only waited for their turn.
    assert took_s > (60 - 20) / 10, f"60 calls in {took_s:.1f} s"


# -- R4 --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", CRASHES_AT, ids=lambda moment: f"at {moment:.0%}")
def test_r4_a_crash_of_postgres_loses_no_result_and_workers_come_back(site: Site, size: Size, moment: float) -> None:
    processes = everything_that_runs(site)
    with ModelServer(delay_s=0.2) as server:
        run = start_by_rest(site, make_world(n_cases=size.n_cases, base_url=server.url), size)
        until_under_way(run, server, moment)
        reported = done_of(run)
        site.postgres.kill(signal.SIGQUIT)  # what `pg_ctl stop -m immediate` sends: no checkpoint, recovery at start
        site.postgres.start()
        back_at = time.monotonic()
        orm_answers(within_s=RECONNECTS_WITHIN_S)
        kept, asked = done_of(run), len(server.calls)
        assert reported.items() <= kept.items(), "results that were reported are gone"
        until(lambda: len(server.calls) > asked, within_s=RECONNECTS_WITHIN_S, what="a call after the crash")
        reconnected_s = time.monotonic() - back_at
        until_finished(run)
    assert check_nothing_lost_or_doubled(run, server, leases_lost=True) <= size.concurrency
    assert everything_that_runs(site) == processes, "something crashed with the database"
    assert {pk: output for pk, output in done_of(run).items() if pk in kept} == kept
    print(f"crash at {moment:.0%}: {len(kept)} done kept, calls again after {reconnected_s:.1f} s")  # noqa: T201
    check_scheduling(time.monotonic())


def done_of(run: Run) -> dict[int, str]:
    return dict(Result.objects.filter(run=run, state="done").values_list("pk", "output"))


def everything_that_runs(site: Site) -> set[int]:
    """The processes of worker, beat and web, with those of the worker's pool."""
    parents = [psutil.Process(process.pid) for process in site.platform.processes.values()]
    return {each.pid for parent in parents for each in (parent, *parent.children(recursive=True))}
