"""The programs that make up the platform on one machine."""

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from llmops.cli.local_model import weights
from llmops.cli.ports import LOOPBACK, answers_ok, remembered_port
from llmops.cli.postgres import PostgresServer
from llmops.cli.programs import Program
from llmops.cli.valkey import RedisServer
from llmops.env import PROJECT_ROOT, Environment, local_url
from llmops.home import keep_secret, new_password

_SERVERS, _MODELS, _DJANGO = 0, 1, 2  # phases: what uses another program is stopped before it
_WORKER_GRACE_S = 30.0  # a pump of a run hands its work back within 20 s
_PATIENCE_WITH_PAGES_S = 300  # an import reads its file while it writes


@dataclass(frozen=True, slots=True)
class Parts:
    """What `up` starts: `servers` first, then `prepare` to its end, then `django` and `models`."""

    servers: tuple[Program, ...]
    web: Program
    background: tuple[Program, ...]
    models: tuple[Program, ...]
    addresses: dict[str, str] = field(repr=False)  # for commands that run beside it; see llmops.home
    environment: dict[str, str] = field(repr=False)  # what every Django process gets

    def prepare(self, *, demo: bool, answer_to: int) -> Program:
        """Migrations, static files and first start, in one process that ends. See llmops.cli.prepare."""
        return Program(
            name="prepare",
            command=_python("llmops.cli.prepare", "--answer-to", str(answer_to), *(() if demo else ("--no-demo",))),
            environment=self.environment,
            keep_open=(answer_to,),
            phase=_DJANGO,
        )


def parts_of(environment: Environment) -> Parts:
    """Everything that `environment` asks for; makes the data of an embedded Postgres when there is none.

    Raises CannotStart.
    """
    servers: list[Program] = []
    addresses = {"url": environment.public_url, "web_url": local_url(environment.host, environment.port)}
    if environment.own_database:
        addresses["database_url"] = environment.database_url
    else:
        postgres = postgres_of(environment.home)
        servers.append(postgres.program())
        addresses["database_url"] = postgres.url
    if environment.own_redis:
        addresses["redis_url"] = environment.redis_url
    else:
        redis = _redis(environment.home)
        servers.append(redis.program())
        addresses["redis_url"] = redis.url
    models = _models(environment)
    if models:
        addresses["local_model_url"] = f"http://{LOOPBACK}:{remembered_port(environment.home, 'local-model')}"
    variables = _variables(environment, addresses)
    return Parts(
        servers=tuple(servers),
        web=_web(environment, variables),
        background=(_worker(environment, variables), _beat(variables)),
        models=models,
        addresses=addresses,
        environment=variables,
    )


def postgres_of(home: Path) -> PostgresServer:
    """The embedded server of `home`; makes its data when there is none. Raises CannotStart."""
    password = keep_secret(home, "postgres-password", new_password)
    server = PostgresServer(home / "postgres", remembered_port(home, "postgres"), password)
    server.create()
    return server


def _redis(home: Path) -> RedisServer:
    password = keep_secret(home, "redis-password", new_password)
    return RedisServer(home / "redis", remembered_port(home, "redis"), password)


def _models(environment: Environment) -> tuple[Program, ...]:
    if not environment.local_model or weights() is None:
        return ()
    port = remembered_port(environment.home, "local-model")
    return (
        Program(
            name="local-model",
            command=_python("llmops.cli.local_model", str(port)),
            ready=lambda: answers_ok(f"http://{LOOPBACK}:{port}/health"),
            phase=_MODELS,
        ),
    )


def _variables(environment: Environment, addresses: dict[str, str]) -> dict[str, str]:
    return {
        "DJANGO_SETTINGS_MODULE": "llmops.settings",
        "LLMOPS_HOME": str(environment.home),
        "LLMOPS_HOST": environment.host,
        "LLMOPS_PORT": str(environment.port),
        "DATABASE_URL": addresses["database_url"],
        "REDIS_URL": addresses["redis_url"],
        "LLMOPS_LOCAL_MODEL_URL": addresses.get("local_model_url", ""),
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, (str(PROJECT_ROOT), os.environ.get("PYTHONPATH", "")))),
        # Off: without kept bytecode every start compiles all libraries again, which takes seconds.
        "PYTHONDONTWRITEBYTECODE": "",
        # glibc keeps a heap per thread otherwise: tens of megabytes a process.
        "MALLOC_ARENA_MAX": "2",
    }


def _database_sessions(*, silent_s: float) -> dict[str, str]:
    """What Postgres does for sessions of a program whose machine was cut off: it would keep their locks for hours.

    A transaction in which nothing is asked for `silent_s` is rolled back, and a session that cannot be reached ends.
    """
    wanted = {
        "idle_in_transaction_session_timeout": f"{silent_s * 1000:.0f}ms",
        "tcp_keepalives_idle": "30s",
        "tcp_keepalives_interval": "10s",
        "tcp_keepalives_count": "3",
        "tcp_user_timeout": "60s",
    }
    options = " ".join(f"-c {name}={value}" for name, value in wanted.items())
    return {"PGOPTIONS": f"{options} {os.environ.get('PGOPTIONS', '')}".strip()}


def _web(environment: Environment, variables: dict[str, str]) -> Program:
    address = local_url(environment.host, environment.port)
    return Program(
        name="web",
        command=_python(
            *("llmops.cli.web", "--host", environment.host, "--port", str(environment.port)),
            *("--processes", str(environment.web_processes)),
        ),
        ready=lambda: answers_ok(f"{address}/livez"),
        environment=variables | _database_sessions(silent_s=_PATIENCE_WITH_PAGES_S),
        phase=_DJANGO,
    )


def _worker(environment: Environment, variables: dict[str, str]) -> Program:
    return Program(
        name="worker",
        command=_python(
            *(
                "celery",
                "--app",
                "llmops",
                "--quiet",
                "worker",
                "--loglevel",
                "WARNING",
                "--hostname",
                "worker@%h",
            ),
            *("--pool", "prefork", "--concurrency", str(environment.worker_processes)),
            *("--queues", "runs,background"),
            # Talk between workers, which nobody listens to: rows in Postgres say who lives.
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        ),
        # Well before a lease ends: other workers wait for these locks, and renew no lease meanwhile.
        environment=variables | _database_sessions(silent_s=environment.lease_s / 3),
        grace_s=_WORKER_GRACE_S,
        phase=_DJANGO,
    )


def _beat(variables: dict[str, str]) -> Program:
    return Program(
        name="beat",
        command=_python(
            *("celery", "--app", "llmops", "--quiet", "beat", "--loglevel", "WARNING", "--pidfile", ""),
            *("--scheduler", "llmops.core.beat:Scheduler"),
        ),
        environment=variables,
        phase=_DJANGO,
    )


def _python(module: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", module, *arguments)
