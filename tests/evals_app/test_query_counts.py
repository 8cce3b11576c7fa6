"""How many queries the pages of lists take: a baseline each, and the same for two rows as for many."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from evals_app.engine.case_files import CaseRow
from evals_app.services import RunSettings, cases_put, dataset_create, evaluator_create, run_create
from evals_app.services.summaries import summaries_fill
from llmops.core.choices import Role, Scope
from llmops.core.services import api_key_create
from llmops.core.services.invitations import invitation_send
from llmops.providers.base import Message
from prompts_app.services import VersionContent, version_publish
from tests.core.factories import Room, make_room, make_user, signed_in
from tests.evals_app.factories import drive
from tests.prompts_app.factories import make_prompt

pytestmark = pytest.mark.django_db(transaction=True)

# More than these is a new query on a page that people open all day: write why into the commit that raises one.
BASELINES = {
    "": 12,
    "search/?q=thing": 9,
    "prompts/": 9,
    "prompts/?q=thing": 9,
    "prompts/thing-0/": 9,
    "prompts/thing-0/versions/": 7,
    "datasets/": 8,
    "datasets/thing-0/": 9,
    "datasets/thing-0/?q=text": 9,
    "datasets/thing-0/history/": 7,
    "metrics/": 6,
    "runs/": 11,
    "runs/RUN/": 11,
    "runs/RUN/?show=wrong": 11,
    "models/": 5,
    "settings/members/": 6,
    "settings/api-keys/": 5,
    "settings/audit/": 9,
}


def fill(room: Room, few: range) -> int:
    """As many more of everything. Returns the newest run."""
    run_id = 0
    for at in few:
        model = room.practice(name=f"thing-{at}", model="echo")
        prompt = make_prompt(room.project, name=f"thing-{at}", tags=[f"tag {at}"], connection=model, author=room.admin)
        text = VersionContent([Message("user", "{{text}}")], model, "echo")
        version = version_publish(prompt, content=text, message="shorter", author=room.admin).version
        dataset = dataset_create(project=room.project, name=f"thing-{at}")
        metric = evaluator_create(project=room.project, name=f"thing-{at}", kind="exact", config={})
        for revision in range(2 + len(few)):
            rows = [CaseRow(inputs={"text": f"text {n} {revision}"}, expected="text", tags=[f"{n}"]) for n in range(5)]
            cases_put(dataset, rows)
        wanted = RunSettings(dataset=dataset, evaluators=[metric], version=version)
        run_id = run_create(project=room.project, wanted=wanted).pk
        signed_in(make_user(), room.project, Role.EDITOR)
        api_key_create(project=room.project, name=f"key {at}", scopes=[Scope.ALL], created_by=room.admin)
        invitation_send(project=room.project, email=f"thing-{at}@example.org", role=Role.VIEWER, invited_by=room.admin)
    drive()
    summaries_fill()  # what a worker does after a run
    return run_id


def counted(client: Client, room: Room, run_id: int) -> dict[str, int]:
    found = {}
    for page in BASELINES:
        address = room.address + page.replace("RUN", str(run_id))
        assert client.get(address).status_code == 200, address  # what is cached is cached now
        with CaptureQueriesContext(connection) as captured:
            client.get(address)
        found[page] = len(captured)
    return found


def test_pages_of_lists_take_no_more_queries_than_before_however_long_they_are() -> None:
    room = make_room()
    few = counted(room.client, room, fill(room, range(2)))
    many = counted(room.client, room, fill(room, range(2, 7)))
    assert many == few
    assert {page: n for page, n in many.items() if n > BASELINES[page]} == {}
