"""The next step on the home page: a version that was made after the prompt was run, and not run since."""

from __future__ import annotations

from html import unescape

import pytest
from django.test import Client
from django.utils import timezone

from evals_app.models import Dataset
from llmops.core.choices import Role
from llmops.core.models import User
from llmops.core.services import member_set
from llmops.providers.base import Message
from prompts_app.models import Prompt, PromptVersion
from prompts_app.services import VersionContent, prompt_archive, version_publish
from tests.core.factories import browser_of
from tests.evals_app.factories import World, make_world

pytestmark = pytest.mark.django_db
PROPOSED = "Version 2 of echo has not been run yet"


@pytest.fixture
def world() -> World:
    return make_world(n_cases=1)


def signed_in(world: World, role: Role) -> Client:
    user, _ = User.objects.get_or_create(email=f"{role}@example.com")
    member_set(project=world.project, user=user, role=role)
    return browser_of(user)


def home(world: World, role: Role = Role.EDITOR) -> str:
    return unescape(signed_in(world, role).get(f"/p/{world.project.slug}/").content.decode())


def newer_version(world: World) -> PromptVersion:
    content = VersionContent([Message("user", "Say {{text}}")], world.connection, "echo")
    return version_publish(world.version.prompt, content=content).version


def test_a_version_that_nobody_ran_is_proposed_with_the_cases_of_the_one_before(world: World) -> None:
    world.run()
    assert "has not been run yet" not in home(world)
    newer_version(world)
    text = home(world)
    assert PROPOSED in text
    assert "Version 1 was run over “cases”. Run version 2 over it too" in text
    assert (
        f'href="/p/{world.project.slug}/runs/new/?prompt=echo&version=2&dataset=cases">Start a run of version 2</a>'
        in text
    )
    assert text.count("btn-primary") == 1


def test_nothing_is_proposed_once_it_was_run(world: World) -> None:
    world.run()
    version = newer_version(world)
    world.run(version=version)
    text = home(world)
    assert "has not been run yet" not in text
    assert text.count("btn-primary") == 1


def test_a_prompt_that_was_never_run_is_not_proposed(world: World) -> None:
    world.run()
    world.prompt("fixed:no")
    assert "has not been run yet" not in home(world)


def test_the_prompt_changed_last_is_proposed(world: World) -> None:
    other = world.prompt("fixed:no")
    for version in (world.version, other):
        world.run(version=version)
        content = VersionContent([Message("user", "Say {{text}}")], world.connection, "echo")
        version_publish(version.prompt, content=content)
    assert f"Version 2 of {other.prompt.name} has not been run yet" in home(world)
    Prompt.objects.filter(pk=world.version.prompt_id).update(updated_at=timezone.now())
    assert PROPOSED in home(world)


def test_what_is_archived_is_not_proposed(world: World) -> None:
    world.run()
    newer_version(world)
    Dataset.objects.filter(pk=world.dataset.pk).update(archived_at=timezone.now())
    assert "has not been run yet" not in home(world)
    Dataset.objects.filter(pk=world.dataset.pk).update(archived_at=None)
    prompt_archive(world.version.prompt)
    assert "has not been run yet" not in home(world)


def test_who_may_start_no_run_is_not_asked_to(world: World) -> None:
    world.run()
    newer_version(world)
    assert "has not been run yet" not in home(world, Role.VIEWER)
    assert PROPOSED in home(world, Role.EDITOR)


def test_another_projects_versions_are_not_proposed(world: World) -> None:
    world.run()
    other = make_world(n_cases=1)
    other.run()
    newer_version(other)
    assert "has not been run yet" not in home(world)
