"""The services of docker-compose.yml without containers: programs on two machines of a network over one Postgres and
one Redis, and the cable of a machine is pulled in the middle of a run.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker, Settings

from evals_app.models import Result, Run
from llmops.core.choices import Scope
from llmops.core.services import api_key_create
from tests.evals_app.factories import World, make_world
from tests.jobs.conftest import Size
from tests.jobs.machines import PORT, Machine, NotAllowed, network_of
from tests.jobs.model_server import ModelServer
from tests.jobs.processes import LEASE_S, WORKER_PROCESSES, until
from tests.jobs.servers import servers_of_their_own
from tests.jobs.test_survival import check_nothing_lost_or_doubled, until_finished

pytestmark = [pytest.mark.jobs, pytest.mark.faults]

# As a worker holds a run while it claims from it, but for as long as it likes.
_HOLD_A_RUN = """
import os, sys, time
from dataclasses import replace
import django
from llmops.cli.parts import parts_of
from llmops.env import load_environment
os.environ.update(parts_of(replace(load_environment(), local_model=False)).background[0].environment)
django.setup()
from django.db import connection, transaction
connection.ensure_connection()
print("ready", flush=True)
run = int(sys.stdin.readline())
with transaction.atomic(), connection.cursor() as cursor:
    cursor.execute("SELECT id FROM evals_app_run WHERE id = %s FOR UPDATE", [run])
    print("held", flush=True)
    time.sleep(600)
"""


@dataclass(frozen=True)
class Farm:
    """`first` has web, beat and a worker, `second` has a worker; models answer at `here`."""

    here: str
    first: Machine
    second: Machine

    def start_run(self, world: World, size: Size) -> Run:
        """By REST, from the machine that has no web process."""
        key = api_key_create(project=world.project, name="test", scopes=[Scope.WRITE]).text
        body = {"dataset": "cases", "prompt": "echo", "evaluators": ["Exact"], "concurrency": size.concurrency}
        url = f"http://{self.first.address}:{PORT}/api/v1/runs/"
        answer = self.second.post(url, body, headers={"Authorization": f"Bearer {key}"})
        return Run.objects.get(pk=answer["id"])


@pytest.fixture
def farm(tmp_path: Path, django_db_blocker: DjangoDbBlocker, settings: Settings) -> Iterator[Farm]:
    try:
        with django_db_blocker.unblock(), network_of(("first", "second"), tmp_path) as network:
            here, (first, second) = str(network.here.ip), network.machines
            settings.ALLOW_PRIVATE_URLS = here
            with servers_of_their_own(tmp_path, also_at=network.here) as servers:
                variables = {
                    "DATABASE_URL": servers.database_url.replace("127.0.0.1", here),
                    "REDIS_URL": servers.redis_url.replace("127.0.0.1", here),
                    "LLMOPS_ALLOWED_HOSTS": f"127.0.0.1,{first.address}",
                    "LLMOPS_ALLOW_PRIVATE_URLS": here,
                    "LLMOPS_LEASE_S": str(LEASE_S),
                    "LLMOPS_WORKER_PROCESSES": str(WORKER_PROCESSES),
                }
                first, second = (replace(machine, environment=variables) for machine in (first, second))
                first.llmops("migrate")
                started = [(first, "web"), (first, "beat"), (first, "worker"), (second, "worker")]
                for machine, program in started:
                    machine.start(program)
                for machine, program in started:
                    until(lambda: machine.is_well(program), every_s=0.5, what=f"{program} on {machine.name}")  # noqa: B023
                yield Farm(here, first, second)
    except NotAllowed as why:
        pytest.skip(f"makes machines of network namespaces, which is not allowed here: {why}")


def test_a_machine_that_is_cut_off_loses_nothing_and_the_other_finishes(farm: Farm, size: Size, tmp_path: Path) -> None:
    """It is cut off while its calls are in flight and it holds the run. Later it is back and takes part again."""
    both = {str(farm.first.address), str(farm.second.address)}
    script = tmp_path / "hold_a_run.py"
    script.write_text(_HOLD_A_RUN)
    with farm.second.script(script) as holder, ModelServer(delay_s=0.2, host=farm.here) as server:
        assert holder.stdin and holder.stdout
        assert holder.stdout.readline() == "ready\n"
        run = farm.start_run(make_world(n_cases=size.n_cases, base_url=server.url), size)
        until(lambda: {call.sender for call in server.calls} == both, what="both workers at work")
        until(lambda: len(server.calls) > 0.4 * run.n_results, what="40% of the run")
        print(run.pk, file=holder.stdin, flush=True)
        assert holder.stdout.readline() == "held\n"
        farm.second.cut_off()
        cut_off_at = time.monotonic()
        until_finished(run, within_s=LEASE_S + 15)
        took_s = time.monotonic() - cut_off_at
        holder.kill()
    # The other worker waited for what was held, and may have lost a lease meanwhile.
    repeated = check_nothing_lost_or_doubled(run, server, leases_lost=True)
    assert 0 < repeated <= size.concurrency
    print(f"cut off: {repeated} of {run.n_results} calls again, finished {took_s:.1f} s later")  # noqa: T201

    kept = results_of(run)
    farm.first.stop("worker")
    farm.second.plug_in()
    with ModelServer(delay_s=0.2, host=farm.here) as other:
        later = farm.start_run(make_world(n_cases=size.n_cases, base_url=other.url), size)
        until_finished(later)
    assert {call.sender for call in other.calls} == {str(farm.second.address)}
    assert check_nothing_lost_or_doubled(later, other) == 0
    assert results_of(run) == kept, "who comes back must not change what others have finished"


def results_of(run: Run) -> list[tuple[object, ...]]:
    """All that is kept of its results; times say who wrote them last."""
    return list(
        Result.objects.filter(run=run)
        .order_by("pk")
        .values_list("pk", "state", "output", "cost_usd", "n_attempts", "finished_at", "scores__pk", "scores__value")
    )
