"""A project in which every text is hostile: made through the services and pages that take texts from people,
files, models and model servers."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from evals_app.engine import KINDS
from evals_app.engine.case_files import CaseRow
from evals_app.models import Case, Result, Run
from evals_app.services import RunSettings, cases_put, dataset_create, evaluator_create, run_create
from llmops.core.choices import Role, Scope
from llmops.core.models import ApiKey, AuditEntry, Project, SignIn, User
from llmops.core.naming import name_problem
from llmops.core.selectors.accounts import reset_link
from llmops.core.selectors.invitations import invitation_link
from llmops.core.services import api_key_create, member_set, project_create
from llmops.core.services.connections import connection_test_record
from llmops.core.services.invitations import invitation_send
from llmops.core.services.saved_views import saved_view_add
from llmops.providers.base import Message, Vendor
from prompts_app.choices import PromptKind
from prompts_app.services import VersionContent, prompt_create, version_publish
from tests.core.factories import make_connection
from tests.evals_app.factories import drive
from tests.jobs.conftest import FULL
from tests.jobs.model_server import Call, Fault, ModelServer
from tests.security.corpus import TEXTS

ALL = "\n".join(TEXTS)
NAMES = [text for text in TEXTS if not name_problem(text) and len(text) <= 80]
TAGS = [text for text in TEXTS if len(text) <= 60 and text.isprintable() and "," not in text and text == text.strip()]
AT_ONCE = 3 if FULL else 9
ROWS = ["\n".join(TEXTS[at : at + AT_ONCE]) for at in range(0, len(TEXTS), AT_ONCE)]
COLUMNS = ["text", *(text for text in NAMES[:12])]


@dataclass
class Hostile:
    """The project, somebody who may see all of it, and what its addresses are filled with."""

    project: Project
    admin: User
    client: Client
    filled: dict[str, object] = field(default_factory=dict)
    more_paths: list[str] = field(default_factory=list)

    @property
    def home(self) -> str:
        return f"/p/{self.project.slug}/"


def hostile_project() -> Hostile:
    """Made once for a test; what is called is on this machine."""
    admin = User.objects.create_user("x31@example.com", "a good password", name=NAMES[0])
    project = project_create(name=NAMES[1], slug="hostile", owner=admin)
    project_create(name=NAMES[2], slug="other", owner=admin)
    client = Client()
    client.force_login(admin)
    world = Hostile(project, admin, client)
    _people(world)
    names = itertools.cycle(NAMES)
    with ModelServer(answer=_answer, behave=_some_fail, says=ALL[:900], model=TEXTS[0]) as server:
        _fill(world, names, server.url)
    return world


def _people(world: Hostile) -> None:
    for name, text in zip(NAMES[3:9], NAMES[9:15], strict=True):
        person = User.objects.create_user(f"{abs(hash(name))}@example.com", "a good password", name=name)
        member_set(project=world.project, user=person, role=Role.VIEWER)
        api_key_create(project=world.project, name=text, scopes=[Scope.READ], created_by=person)
    member = world.project.memberships.exclude(user=world.admin).order_by("pk").first()
    invitation = invitation_send(
        project=world.project, email='"<b/x31>"@example.com', role=Role.VIEWER, invited_by=world.admin
    )
    key = ApiKey.objects.filter(project=world.project).order_by("pk").first()
    assert member and key
    world.filled |= {"members": member.pk, "api-keys": key.pk, "invitations": invitation.pk}
    world.filled |= {"new-password": reset_link(member.user).rstrip("/").rpartition("/")[2]}
    world.filled |= {"sign-ins": SignIn.objects.filter(user=world.admin)[0].mark}
    view = saved_view_add(
        project=world.project,
        owner=world.admin,
        place="runs",
        subject="",
        name=NAMES[0][:60],
        query=urlencode({"q": NAMES[1]}),
        is_shared=True,
    )
    world.filled |= {"views": view.pk}
    world.more_paths.append("/invitations/" + invitation_link(invitation).split("/invitations/")[1])


def _fill(world: Hostile, names: Iterator[str], url: str) -> None:
    project, admin = world.project, world.admin
    server = make_connection(
        project, name=next(names), vendor=Vendor.OPENAI_COMPATIBLE, base_url=url, default_model=TEXTS[0]
    )
    connection_test_record(server, problem=ALL[:500])
    for _ in range(8):
        make_connection(project, name=next(names), default_model=next(names))
    messages = [Message("system", ALL), Message("user", "{{text}}"), Message("assistant", ALL)]
    messages.append(Message("user", "{{text}}"))
    content = VersionContent([_untemplated(each) for each in messages], server, TEXTS[1])
    version = prompt_create(
        project=project,
        name=next(names),
        kind=PromptKind.CHAT,
        content=content,
        message=ALL[:300],
        tags=TAGS[:20],
        author=admin,
    )
    changed = VersionContent([Message("user", "{{text}}")], server, TEXTS[1], options={TEXTS[2]: ALL})
    version = version_publish(version.prompt, content=changed, message=TEXTS[3], author=admin).version
    for _ in range(40 if FULL else 12):
        prompt_create(
            project=project,
            name=next(names),
            kind=PromptKind.CHAT,
            content=VersionContent([Message("user", "{{text}}")]),
            tags=[next(iter(TAGS))],
        )
    dataset = dataset_create(project=project, name=next(names), description=ALL[:500], author=admin)
    rows = [_row(at, text) for at, text in enumerate(ROWS)]
    cases_put(dataset, rows, message=ALL[:300], author=admin)
    dataset.refresh_from_db()
    for _ in range(40 if FULL else 12):
        dataset_create(project=project, name=next(names), description=next(names))
    evaluators = [
        evaluator_create(project=project, name=next(names), kind=kind, config=config, **_asked(kind, server))
        for kind, config in _CONFIGS.items()
    ]
    assert {each.evaluator.kind for each in evaluators} == set(KINDS), "a kind of metric is missing in _CONFIGS"
    wanted = RunSettings(dataset, evaluators, version, label=ALL[:200], concurrency=50)
    run = run_create(project=project, wanted=wanted, author=admin)
    drive(for_s=60)
    run.refresh_from_db()
    assert (run.state, run.n_finished) == ("finished", len(ROWS))
    _note(world, run)
    _upload_file(world, dataset.name)


_CONFIGS: dict[str, dict[str, Any]] = {
    "exact": {"answers": list(TEXTS[:20])},
    "contains": {"texts": list(TEXTS[:20])},
    "regex": {"pattern": "<img x31 src=x onerror=alert"},
    "json_schema": {"schema": {"type": "object", "title": TEXTS[0], "required": list(TEXTS[:9])}},
    "numeric": {},
    "rubric": {"question": ALL, "scale": "categories", "categories": NAMES[20:26], "good_categories": NAMES[20:21]},
}


def _asked(kind: str, server: Any) -> dict[str, Any]:
    return {"connection": server, "model": "judge"} if KINDS[kind].uses_model else {}


def _answer(text: str) -> str:
    return text if text in ROWS else f"{NAMES[30]}\nGrade: {NAMES[20]}"


def _some_fail(call: Call) -> Fault | None:
    return Fault.ERROR_AS_SUCCESS if call.text in ROWS[20:23] else None


def _row(at: int, text: str) -> CaseRow:
    inputs = {column: text if column == "text" else TEXTS[(at + n) % len(TEXTS)] for n, column in enumerate(COLUMNS)}
    return CaseRow(
        key=text[:200],
        inputs=inputs,
        expected=text,
        reference=ALL if at == 0 else text,
        previous=text,
        feedback=text,
        tags=[TAGS[at % len(TAGS)]],
        group=text[:200],
        metadata={text: text},
    )


def _untemplated(message: Message) -> Message:
    """Without what would be a variable of the prompt, but for the one."""
    if message.content == "{{text}}":
        return message
    return Message(message.role, re.sub(r"\{(?=[{%])", "{ ", message.content))


def _note(world: Hostile, run: Run) -> None:
    version, case = run.prompt_version, Case.objects.filter(dataset=run.dataset).order_by("pk").first()
    results = Result.objects.filter(run=run).order_by("pk")
    failed = results.filter(state="error").first()
    assert version and case and failed
    metric = run.run_evaluators.order_by("pk").first().evaluator_version.evaluator.name
    connection = run.connection
    assert connection
    world.filled |= {
        "p": world.project.slug,
        "prompts": version.prompt.name,
        "datasets": run.dataset.name,
        "cases": case.pk,
        "history": 1,
        "metrics": metric,
        "models": connection.name,
        "runs": run.pk,
    }
    here = f"{world.home}runs/{run.pk}/"
    world.more_paths += [f"{here}?result={results[0].pk}", f"{here}?result={failed.pk}"]
    for entry in AuditEntry.objects.filter(project_id=world.project.pk, kind__in=["connection", "run"])[:2]:
        world.more_paths.append(f"{world.home}settings/audit/?entry={entry.pk}")
    world.more_paths += [f"{world.home}models/new/?vendor={vendor.value}" for vendor in Vendor]
    world.more_paths += [f"{world.home}new-metric/?kind={kind}" for kind in KINDS]


def _upload_file(world: Hostile, dataset: str) -> None:
    """A CSV file with hostile headers, rows and name, as far as the pages on which its columns are chosen and its
    changes are shown."""
    table = io.StringIO()
    csv.writer(table).writerows(NAMES[at : at + 10] for at in (0, 10, 20))
    address = f"{world.home}datasets/{quote(dataset, safe='')}/import/"
    name = "<img x31 src=x onerror=alert(31)>.csv"
    for chosen in (False, True):
        kept = world.client.post(address, {"file": SimpleUploadedFile(name, table.getvalue().encode())})
        assert kept.status_code == 302, kept.content
        world.more_paths.append(kept["Location"])
        if chosen:
            form = {"upload": parse_qs(urlsplit(kept["Location"]).query)["upload"][0]}
            for at, column in enumerate(NAMES[:10]):
                form |= {f"column_{at}": column, f"meaning_{at}": "input", f"name_{at}": f"v{at}"}
            compared = world.client.post(address, form)
            assert compared.status_code == 302, compared.content
            world.more_paths.append(compared["Location"])
