"""Two tenants with one real object of every kind, named so that a leak can be seen."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from evals_app.engine.case_files import CaseRow
from evals_app.models import Case, Dataset, EvaluatorVersion, Run
from evals_app.services import RunSettings, cases_put, dataset_create, evaluator_create, run_create
from llmops.core.choices import Role, Scope
from llmops.core.models import ApiKey, Connection, Invitation, Membership, SavedView
from llmops.core.services import api_key_create, member_set
from llmops.core.services.invitations import invitation_send
from llmops.core.services.saved_views import saved_view_add
from llmops.providers.base import Message
from prompts_app.choices import PromptKind
from prompts_app.models import PromptVersion
from prompts_app.services import VersionContent, prompt_create
from tests.core.factories import Room, make_room, make_user


@dataclass(frozen=True)
class Tenant:
    """A project with one of everything; every name holds `canary`."""

    canary: str
    room: Room
    connection: Connection
    version: PromptVersion
    dataset: Dataset
    case: Case
    metric: EvaluatorVersion
    run: Run
    key: ApiKey
    invitation: Invitation
    member: Membership
    view: SavedView

    def parts(self, address: str) -> dict[str, Any]:
        """What stands in the place of the variable parts of `address`: this tenant's own objects."""
        names = {
            "models": self.connection.name,
            "connections": self.connection.name,
            "prompts": self.version.prompt.name,
            "datasets": self.dataset.name,
            "metrics": self.metric.evaluator.name,
            "evaluators": self.metric.evaluator.name,
        }
        keys = {"api-keys": self.key.pk, "invitations": self.invitation.pk, "members": self.member.pk}
        keys |= {"views": self.view.pk}
        folders = address.split("/")
        return {
            "name": next((names[folder] for folder in folders if folder in names), ""),
            "pk": next((keys[folder] for folder in folders if folder in keys), 0),
            "case_id": self.case.pk,
            "number": 1,
            "run_id": self.run.pk,
        }

    def address(self, route: str) -> str:
        """`route` of the URLconf or of the API description, with this tenant's own objects filled in."""
        parts = self.parts(route) | {"project": self.room.project.slug}
        return "/" + re.sub(r"[<{](?:\w+:)?(\w+)[>}]", lambda part: quote(str(parts[part[1]]), safe=""), route)


def make_tenant(canary: str) -> Tenant:
    room = make_room(name=f"Room {canary}")
    project = room.project
    connection = room.practice(name=f"connection {canary}", model="echo")
    version = prompt_create(
        project=project,
        name=f"prompt {canary}",
        kind=PromptKind.CHAT,
        content=VersionContent([Message("user", f"{canary} {{{{text}}}}")], connection, "echo"),
    )
    dataset = dataset_create(project=project, name=f"dataset {canary}")
    cases_put(dataset, [CaseRow(inputs={"text": canary}, expected=canary)])
    dataset.refresh_from_db()
    metric = evaluator_create(project=project, name=f"metric {canary}", kind="exact", config={})
    run = run_create(project=project, wanted=RunSettings(dataset=dataset, evaluators=[metric], version=version))
    return Tenant(
        canary=canary,
        room=room,
        connection=connection,
        version=version,
        dataset=dataset,
        case=Case.objects.get(dataset=dataset),
        metric=metric,
        run=run,
        key=api_key_create(project=project, name=f"key {canary}", scopes=[Scope.READ]).row,
        invitation=invitation_send(project=project, email=f"{canary}@example.com", role=Role.VIEWER),
        member=member_set(project=project, user=make_user(name=f"member {canary}"), role=Role.VIEWER),
        view=saved_view_add(
            project=project,
            owner=room.admin,
            place="runs",
            subject="",
            name=f"view {canary}",
            query="state=finished",
            is_shared=True,
        ),
    )
