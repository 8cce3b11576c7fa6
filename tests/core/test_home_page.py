"""Home: the first steps until they are done, then what changed last; and who gets where."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from evals_app.models import Evaluator
from llmops.core.choices import Role
from llmops.panels import first_steps
from tests.core.factories import make_room, make_user, signed_in
from tests.evals_app.factories import make_world

pytestmark = pytest.mark.django_db


def text_of(answer: Any) -> str:
    return unescape(answer.content.decode())


def test_a_new_project_shows_one_step_to_take_now() -> None:
    room = make_room()
    text = text_of(room.client.get(room.address))
    assert "First steps" in text
    assert text.count('aria-current="step"') == 1
    assert reverse("core:connection-new", args=[room.project.slug]) in text


def test_steps_go_from_current_to_done() -> None:
    room = make_room()

    def states() -> list[str]:
        return [step.state for step in first_steps(room.project, may=lambda action: True)]

    assert states()[:2] == ["current", "todo"]
    room.practice()
    assert states()[:2] == ["done", "current"]


def test_the_steps_come_in_the_order_in_which_each_needs_the_ones_before() -> None:
    steps = first_steps(make_room().project, may=lambda action: True)
    assert [step.action for step in steps] == [
        "Connect a model",
        "Write a prompt",
        "Add cases",
        "Make a metric",
        "Start a run",
    ]


def test_whoever_has_taken_the_last_step_is_asked_for_none_before_it() -> None:
    run = make_world(n_cases=1).run()
    Evaluator.objects.update(archived_at=timezone.now())
    assert {step.state for step in first_steps(run.project, may=lambda action: True)} == {"done"}


def test_a_step_that_a_role_may_not_take_has_no_button() -> None:
    room = make_room()
    for role, may in ((Role.VIEWER, False), (Role.EDITOR, False), (Role.ADMIN, True)):
        text = text_of(room.member(role).get(room.address))
        assert (reverse("core:connection-new", args=[room.project.slug]) in text) is may
        assert ("Your role does not allow this step" in text) is not may


def test_the_switcher_lists_only_ones_own_projects() -> None:
    room, other, foreign = make_room(), make_room(name="Second room"), make_room(name="Foreign room")
    signed_in(room.admin, other.project, Role.VIEWER)
    text = text_of(room.client.get(room.address))
    assert "Second room" in text
    assert "Foreign room" not in text
    assert foreign.project.name == "Foreign room"


def test_the_front_door_leads_to_the_first_project() -> None:
    room = make_room()
    assert room.client.get("/")["Location"] == room.address


def test_people_without_a_project_are_told_what_to_do() -> None:
    client, user = Client(), make_user()
    client.force_login(user)
    text = text_of(client.get("/"))
    assert "You do not belong to a project yet" in text
    assert user.email in text


def test_a_project_of_others_does_not_exist() -> None:
    room, other = make_room(), make_room()
    assert room.client.get(other.address).status_code == 404
    assert room.client.get("/p/no-such-project/").status_code == 404


def test_a_removed_member_is_out_with_the_next_request() -> None:
    room = make_room()
    assert room.client.get(room.address).status_code == 200
    room.project.memberships.all().delete()
    assert room.client.get(room.address).status_code == 404
