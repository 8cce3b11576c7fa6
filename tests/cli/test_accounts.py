"""What `createadmin` and `apikey` say, without a platform of their own."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import pytest

from llmops.cli import accounts, apikey, createadmin
from llmops.cli.programs import CannotStart
from llmops.core.models import User

IN_THE_DATABASE = pytest.mark.usefixtures("db", "database_of_the_test")
LONG_ENOUGH = "violet harbour 17"


@pytest.fixture
def database_of_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(createadmin, "accounts", lambda: accounts)


def createadmin_says(capsys: pytest.CaptureFixture[str], email: str, password: str) -> str:
    assert createadmin.run(argparse.Namespace(email=email, password=password)) == 0
    return capsys.readouterr().out


@IN_THE_DATABASE
def test_it_says_whether_somebody_was_made_or_given_a_new_password(capsys: pytest.CaptureFixture[str]) -> None:
    made = createadmin_says(capsys, "chief@example.com", LONG_ENOUGH)
    assert made == "chief@example.com was made, and is an administrator.\n"
    User.objects.update(name="The chief")
    changed = createadmin_says(capsys, "Chief@example.com", "another harbour 18")
    assert changed == "chief@example.com is an administrator, with a new password.\n"
    assert User.objects.get().check_password("another harbour 18")


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("x", "at least 10 characters"),
        ("1234567890", "too common"),
        ("chief@example.com", "too similar to the"),
    ],
)
@pytest.mark.parametrize("known", [False, True])
@IN_THE_DATABASE
def test_passwords_are_held_to_the_rule_of_the_pages(password: str, why: str, known: bool) -> None:
    if known:
        User.objects.create_user("chief@example.com", LONG_ENOUGH)
    with pytest.raises(CannotStart, match=f"this password cannot be taken. .*{why}"):
        createadmin.run(argparse.Namespace(email="chief@example.com", password=password))
    assert [user.check_password(LONG_ENOUGH) for user in User.objects.all()] == [True] * known


def test_where_nothing_runs_it_says_which_folder_was_looked_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LLMOPS_HOME", str(tmp_path / "other data"))
    monkeypatch.setenv("LLMOPS_ENV_FILE", os.devnull)
    monkeypatch.delenv("DATABASE_URL")
    with pytest.raises(CannotStart) as refused:
        apikey.run(argparse.Namespace(project="demo", name="x", scopes="all"))
    assert str(tmp_path / "other data") in str(refused.value)
    assert "LLMOPS_HOME" in str(refused.value)
