"""What a first start makes: the administrator, the project `demo`, and what is in it. Idempotent."""

from __future__ import annotations

import json
import logging
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

from evals_app.services.demo import demo_fill
from llmops.core.acting import acting, acts
from llmops.core.models import Project, User
from llmops.core.services import (
    ConnectionSettings,
    connection_create,
    first_administrator,
    ledger_partitions_ensure,
    project_create,
)
from llmops.providers.base import Vendor

log = logging.getLogger(__name__)

SLUG = "demo"


class Command(BaseCommand):
    help = "Make the first administrator and the demo project, once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="answer one line of JSON")
        parser.add_argument("--no-demo", action="store_true", help="leave the project empty")

    def handle(self, *args: Any, **options: Any) -> None:
        ledger_partitions_ensure()
        administrator = first_administrator(
            email=settings.ADMIN_EMAIL or "admin@localhost", password=settings.ADMIN_PASSWORD
        )
        if not Project.objects.exists():
            owner = User.objects.get(email=administrator.email)
            project = _make_project(owner, demo=not options["no_demo"])
            if not options["no_demo"]:
                self._fill(project, owner)
        answer = {
            "admin_email": administrator.email,
            "admin_password": None if settings.ADMIN_PASSWORD else administrator.password,
            "project": SLUG,
        }
        if options["json"]:
            self.stdout.write(json.dumps(answer))
        elif answer["admin_password"]:
            self.stdout.write(f"Sign in as {answer['admin_email']} with the password {answer['admin_password']}")

    def _fill(self, project: Project, owner: User) -> None:
        """Without the demo the platform is as useful, and how to sign in must be said whatever happens here."""
        try:
            with acting(address="", request_id=""):
                acts(user=owner)
                demo_fill(project=project, author=owner)
        except Exception as failed:
            log.exception("The demo could not be made.")
            self.stderr.write(f"The demo project stays empty: {failed}")


def _make_project(owner: User, *, demo: bool) -> Project:
    """A project with the connections that this machine can offer."""
    with transaction.atomic():
        name = "Bank assistant (demo)" if demo else "My project"
        project = project_create(name=name, slug=SLUG, owner=owner)
        keys = {
            Vendor.OPENAI: settings.OPENAI_API_KEY,
            Vendor.ANTHROPIC: settings.ANTHROPIC_API_KEY,
            Vendor.COHERE: settings.COHERE_API_KEY,
        }
        for vendor, key in keys.items():
            if key:
                wanted = ConnectionSettings(name=vendor.value, vendor=vendor, api_key=key)
                connection_create(project=project, wanted=wanted, created_by=owner)
        if settings.LOCAL_MODEL:
            wanted = ConnectionSettings(name="local", vendor=Vendor.LOCAL)
            connection_create(project=project, wanted=wanted, created_by=owner)
    return project
