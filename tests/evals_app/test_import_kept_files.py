"""Uploaded files between the steps of an import."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings
from django.core import signing

from evals_app.services.datasets import dataset_create
from evals_app.services.kept_files import KEPT_S, FileGone, file_forget, file_keep, kept_file, kept_files_sweep
from tests.core.factories import make_room, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _files_of_this_test_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Tests beside it have files of theirs, which a sweep would take away as well."""
    monkeypatch.setattr(settings, "ENVIRONMENT", replace(settings.ENVIRONMENT, home=tmp_path))


def test_a_file_is_kept_for_a_day_for_one_person_and_one_dataset() -> None:
    room = make_room()
    dataset = dataset_create(project=room.project, name="cards")
    token = file_keep([b"question\n", b"a\n"], filename="Fragen.csv", dataset=dataset, user=room.admin)
    kept = kept_file(token, dataset=dataset, user=room.admin)
    assert (kept.path.read_bytes(), kept.filename) == (b"question\na\n", "Fragen.csv")
    assert kept.path.stat().st_mode & 0o077 == 0
    assert kept.path.parent.stat().st_mode & 0o077 == 0
    with pytest.raises(FileGone):
        kept_file(token, dataset=dataset, user=make_user())
    with pytest.raises(FileGone):
        kept_file(token, dataset=dataset_create(project=room.project, name="other"), user=room.admin)
    assert kept_files_sweep() == 0
    assert kept_files_sweep(now_s=time.time() + KEPT_S + 60) == 1
    with pytest.raises(FileGone):
        kept_file(token, dataset=dataset, user=room.admin)


@pytest.mark.parametrize("token", ["", "x", "a:b:c", "../../etc/passwd"])
def test_a_token_that_is_not_ours_finds_nothing(token: str) -> None:
    room = make_room()
    dataset = dataset_create(project=room.project, name="cards")
    with pytest.raises(FileGone):
        kept_file(token, dataset=dataset, user=room.admin)
    with pytest.raises(FileGone):
        kept_file(signing.dumps(["../secrets/secret-key"]), dataset=dataset, user=room.admin)


def test_a_forgotten_file_is_gone_and_forgetting_twice_is_fine() -> None:
    room = make_room()
    dataset = dataset_create(project=room.project, name="cards")
    token = file_keep([b"x"], filename="", dataset=dataset, user=room.admin)
    kept = kept_file(token, dataset=dataset, user=room.admin)
    file_forget(kept)
    file_forget(kept)
    with pytest.raises(FileGone):
        kept_file(token, dataset=dataset, user=room.admin)
