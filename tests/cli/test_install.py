"""What the first start installs with, and how uv learns where pip gets its packages."""

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType
from unittest import mock

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "requirements" / "install.py"


@pytest.fixture
def install(tmp_path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("requirements_install", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.LOG = tmp_path / "install.log"  # type: ignore[attr-defined]
    return module


def test_uv_gets_its_packages_where_pip_does(install: ModuleType) -> None:
    settings = {"PIP_INDEX_URL": "https://mirror.example/it's/simple", "PIP_NO_INDEX": "1"}
    pins: list[str] = []

    def pip(*arguments: str) -> bool:
        pins.append(Path(arguments[-1]).read_text())
        return True

    with mock.patch.dict(os.environ, settings), mock.patch.object(install, "_pip", pip):
        os.environ.pop("UV_DEFAULT_INDEX", None)
        os.environ.pop("UV_NO_INDEX", None)
        install._get_uv()
        assert os.environ["UV_DEFAULT_INDEX"] == settings["PIP_INDEX_URL"]
        assert os.environ["UV_NO_INDEX"] == "1"
    assert len(pins) == 1
    assert pins[0].startswith("uv==")
    assert "--hash=sha256:" in pins[0]


def test_what_uv_is_told_itself_stays(install: ModuleType) -> None:
    settings = {"PIP_INDEX_URL": "https://mirror.example/simple", "UV_DEFAULT_INDEX": "https://other.example/simple"}
    with mock.patch.dict(os.environ, settings), mock.patch.object(install, "_pip", lambda *arguments: True):
        install._get_uv()
        assert os.environ["UV_DEFAULT_INDEX"] == settings["UV_DEFAULT_INDEX"]


def test_a_user_without_a_home_needs_no_cache(install: ModuleType, tmp_path: Path) -> None:
    with mock.patch.dict(os.environ, {"HOME": str(tmp_path / "nowhere")}):
        os.environ.pop("UV_NO_CACHE", None)
        with mock.patch.object(install, "_pip", lambda *arguments: True):
            install._get_uv()
        assert os.environ["UV_NO_CACHE"] == "1"


def test_the_settings_of_pip(install: ModuleType) -> None:
    listed = (
        ":env:.index-url='https://a:b@c/simple'\ndownload.no-index='1'\n"
        "global.index-url='https://d/simple'\nglobal.timeout='60'\ninstall.index-url='https://e/simple'\n"
    )
    assert install.pip_settings(listed) == {"index-url": "https://a:b@c/simple", "timeout": "60"}


def test_pip_has_its_turn_where_uv_gets_nothing(install: ModuleType) -> None:
    turns: list[tuple[str, ...]] = []
    has_uv = False

    def run(*arguments: str) -> bool:
        turns.append(arguments)
        return has_uv or "uv" not in arguments

    with mock.patch.object(install, "_run", run):
        assert install._packages("-r", "a.lock")
        has_uv = True
        assert install._packages("-r", "b.lock")
    assert [(turn[1], turn[-1]) for turn in turns] == [("uv", "a.lock"), ("pip", "a.lock"), ("uv", "b.lock")]


def test_what_a_step_says_is_in_the_log(install: ModuleType) -> None:
    with mock.patch.object(install, "PYTHON", sys.executable):
        assert install._run("-c", "print('no route')")
        assert not install._run("-c", "raise SystemExit('no ' + __import__('os').environ['WHAT'])", WHAT="uv")
    assert install.LOG.read_text() == "no route\nno uv\n"
