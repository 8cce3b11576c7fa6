"""Pages of runs."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from evals_app.models import Run
from llmops.core.choices import Role
from llmops.core.models import User
from llmops.core.services import member_set
from tests.evals_app.factories import make_world

pytestmark = pytest.mark.django_db


def test_a_budget_that_is_no_number_is_a_sentence_and_not_a_crash(client: Client) -> None:
    run = make_world(n_cases=1).run()
    Run.objects.filter(pk=run.pk).update(state="stopped")
    user = User.objects.create_user("someone@example.com", "long enough 1")
    member_set(project=run.project, user=user, role=Role.EDITOR)
    client.force_login(user)
    address = reverse("evals:run-resume", kwargs={"project": run.project.slug, "run_id": run.pk})
    page = client.post(address, {"budget_usd": "plenty"}, follow=True)
    assert page.status_code == 200
    assert "Enter a number" in page.content.decode()
    assert Run.objects.get(pk=run.pk).state == "stopped"
