"""What is in the repository speaks of the project alone, and pins what it stands on."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

_OF_A_MACHINE = re.compile(r"(?<![\w./-])/(?:" + "|".join(("root", "home", "Users", "work", "opt")) + r")/[\w.]")
_REGISTRY = re.compile("|".join(("py" + r"pi\.org", "python" + r"hosted\.org", "npm" + r"js\.(?:org|com)")))
_PIN = re.compile(r"^([a-z0-9.-]+)==([\w.!+]+)")
_MOST_BYTES = 1_000_000
_PACKAGES = frozenset({"llmops", "prompts_app", "evals_app", "monitoring_app"})


@cache
def _tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [ROOT / name for name in listed.decode().split("\0") if name and (ROOT / name).is_file()]


def _own_texts() -> dict[Path, str]:
    texts = {}
    for path in _tracked():
        if "vendor" not in path.parts:
            try:
                texts[path] = path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue
    return texts


@pytest.fixture(scope="module")
def own_texts() -> dict[Path, str]:
    return _own_texts()


@pytest.mark.parametrize("pattern", [_OF_A_MACHINE, _REGISTRY], ids=["machine path", "registry host"])
def test_nothing_of_the_machine_it_was_written_on(own_texts: dict[Path, str], pattern: re.Pattern[str]) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, match.start()) + 1}: {match[0]}"
        for path, text in own_texts.items()
        for match in pattern.finditer(text)
    ]
    assert len(own_texts) > 100
    assert found == []


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("open('/" + "root/x')", True),
        ("see /" + "home/someone/checkout", True),
        ("https://host/" + "home/page", False),
        ("templates/" + "home/page.html", False),
    ],
)
def test_pattern_for_machine_paths(text: str, is_found: bool) -> None:
    assert bool(_OF_A_MACHINE.search(text)) is is_found


def test_nothing_big_was_added() -> None:
    big = [path.relative_to(ROOT) for path in _tracked() if path.stat().st_size > _MOST_BYTES]
    assert [path for path in big if "vendor" not in path.parts] == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_pin_has_a_hash_and_no_line_names_an_index(lock: Path) -> None:
    blocks = re.split(r"\n(?=\S)", lock.read_text(encoding="utf-8").strip())
    assert blocks
    for block in blocks:
        first, *hashes = block.split("\\\n")
        assert _PIN.match(first), f"not a pinned package: {first!r}"
        assert hashes, f"no hash: {first!r}"
        assert all(re.fullmatch(r"\s+--hash=sha256:[0-9a-f]{64}\s*", line) for line in hashes), block


def test_locks_hold_what_the_project_asks_for() -> None:
    groups, project = PROJECT["dependency-groups"], PROJECT["project"]
    wanted = {
        "base.lock": project["dependencies"] + project["optional-dependencies"]["embedded"] + groups["build"],
        "server.lock": project["dependencies"] + groups["build"],
        "dev.lock": groups["dev"],
        "model.lock": groups["model"],
    }
    for name, requirements in wanted.items():
        missing = {_package(requirement) for requirement in requirements} - _pins(name).keys()
        assert not missing, f"{name} lacks {missing}: run `make lock`"


def test_what_the_code_imports_is_asked_for() -> None:
    declared = {_package(requirement) for requirement in PROJECT["project"]["dependencies"]}
    providers = packages_distributions()
    missing = {}
    for path in _tracked():
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in _PACKAGES:
            for name in _imported(path) - sys.stdlib_module_names - _PACKAGES:
                if not declared & {_package(provider) for provider in providers.get(name, [])}:
                    missing[name] = str(path.relative_to(ROOT))
    assert missing == {}, "a dependency of a dependency may go with its next version"


def test_containers_have_the_very_versions_of_one_machine() -> None:
    base, server = _pins("base.lock"), _pins("server.lock")
    assert server == {name: pins for name, pins in base.items() if name in server}


def test_development_has_the_very_versions_of_production() -> None:
    base, dev = _pins("base.lock"), _pins("dev.lock")
    assert base == {name: dev.get(name) for name in base}


def test_example_names_every_variable_that_is_read() -> None:
    source = (ROOT / "llmops" / "env.py").read_text(encoding="utf-8")
    read = set(re.findall(r"\"((?:LLMOPS_|[A-Z]+_API_KEY|DATABASE_|REDIS_)\w*|[A-Z]+_API_KEY)\"", source))
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    named = set(re.findall(r"^#?([A-Z][A-Z0-9_]+)=", example, re.MULTILINE))
    # For the programs themselves and for developers; nobody sets them to run the platform.
    internal = {"LLMOPS_LOCAL_MODEL_URL", "LLMOPS_ENV_FILE", "LLMOPS_DEBUG", "LLMOPS_LEASE_S"}
    assert named == read - internal


def test_licence() -> None:
    assert PROJECT["project"]["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_scripts_may_be_run() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def _pins(name: str) -> dict[str, list[str]]:
    """The versions of each package; more than one where Python versions need different ones."""
    pins: dict[str, list[str]] = {}
    for line in (ROOT / "requirements" / name).read_text(encoding="utf-8").splitlines():
        if match := _PIN.match(line):
            pins.setdefault(match[1], []).append(match[2])
    return pins


def _imported(path: Path) -> set[str]:
    """First parts of what a file imports, wherever in it."""
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.append(node.module)
    return {name.partition(".")[0] for name in names}


def _package(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match
    return match[0].lower().replace("_", "-").replace(".", "-")
