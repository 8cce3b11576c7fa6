"""Which Python `make` takes, and what it says when none will do."""

import shutil
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "requirements" / "python.sh"
SHELL = shutil.which("sh") or "sh"


def _python(folder: Path, name: str, *, new_enough: bool = True, has_venv: bool = True) -> None:
    """A program that answers the script's questions, and else says its name."""
    program = folder / name
    program.write_text(
        f"#!{SHELL}\n"
        'case "$2" in\n'
        f"  *version_info*) exit {0 if new_enough else 1} ;;\n"
        f"  *ensurepip*) exit {0 if has_venv else 1} ;;\n"
        "esac\n"
        f'echo "{name} runs $1"\n'
    )
    program.chmod(0o755)


def _ask(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SHELL, SCRIPT, "install.py"], env={"PATH": str(folder)}, capture_output=True, text=True, check=False
    )


def test_python3_when_it_will_do(tmp_path: Path) -> None:
    _python(tmp_path, "python3")
    _python(tmp_path, "python3.12")
    assert _ask(tmp_path).stdout == "python3 runs install.py\n"


def test_another_name_when_python3_is_too_old_or_a_shim_for_nothing(tmp_path: Path) -> None:
    _python(tmp_path, "python3", new_enough=False)
    _python(tmp_path, "python3.13", new_enough=False)
    _python(tmp_path, "python3.11")
    assert _ask(tmp_path).stdout == "python3.11 runs install.py\n"


def test_another_one_when_the_venv_module_is_missing(tmp_path: Path) -> None:
    _python(tmp_path, "python3", has_venv=False)
    _python(tmp_path, "python3.12")
    assert _ask(tmp_path).stdout == "python3.12 runs install.py\n"


def test_no_python(tmp_path: Path) -> None:
    asked = _ask(tmp_path)
    assert asked.returncode == 1
    assert asked.stderr == "No Python 3.11, 3.12 or 3.13 was found: install one of them, then start again.\n"


def test_no_venv_module(tmp_path: Path) -> None:
    _python(tmp_path, "python3", has_venv=False)
    asked = _ask(tmp_path)
    assert asked.returncode == 1
    assert asked.stderr.startswith("python3 cannot make a virtual environment: install its venv module")
