"""Postgres refuses to run as root, and as a user without a name: the ways around, the best first.

1. As we are, for a normal user.
2. In a user namespace of its own, in which the same user has another number. Files keep their owner, so
   it works in a home that nobody else may enter.
3. As a system user `llmops`, made for it, that owns the data folder.
"""

import ctypes
import os
import pwd
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from llmops.cli.programs import CannotStart

_CLONE_NEWUSER = 0x10000000
_SYSTEM_USER = "llmops"


@dataclass(frozen=True, slots=True)
class Way:
    """How a process of Postgres is started: `before_exec` runs in it before its program."""

    before_exec: Callable[[], None] | None
    owner: tuple[int, int] | None = None  # user and group that must own the data; None = who started us

    def own(self, folder: Path) -> None:
        """Give a data folder to its owner, whole, when another way had it before."""
        if self.owner is None or folder.stat().st_uid == self.owner[0]:
            return
        for path in (folder, *folder.rglob("*")):
            os.chown(path, *self.owner, follow_symlinks=False)


def way_for_postgres(program: Path, data: Path) -> Way:
    """How this user may run `program` (a Postgres binary) over the folder `data`. Raises CannotStart."""
    if os.geteuid() != 0 and _has_name(os.geteuid()):
        return Way(before_exec=None)
    if namespaces_work():
        return Way(before_exec=_enter_namespace, owner=(os.geteuid(), os.getegid()))
    if os.geteuid() != 0:
        raise CannotStart(
            f"The user number {os.geteuid()} has no name on this machine, and Postgres insists on one: "
            "add the user to /etc/passwd, or set DATABASE_URL to a Postgres of your own."
        )
    return way_of_system_user(program, data)


@cache
def namespaces_work() -> bool:
    """Whether this user may make a user namespace and be somebody else in it (tried in a child process)."""
    if sys.platform != "linux":
        return False
    child = os.fork()
    if child == 0:
        try:
            _enter_namespace()
            os._exit(0 if os.geteuid() != 0 and _has_name(os.geteuid()) else 1)
        except BaseException:  # whatever it is, the forked copy must not run on
            os._exit(1)
    return os.waitpid(child, 0)[1] == 0


def way_of_system_user(program: Path, data: Path) -> Way:
    """Run as the system user `llmops`, made when there is none. Raises CannotStart."""
    user = _system_user()

    def become() -> None:
        if stat.S_ISFIFO(os.fstat(0).st_mode):
            os.fchown(0, user.pw_uid, user.pw_gid)  # initdb opens its input by name
        os.setgroups([])
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)

    way = Way(before_exec=become, owner=(user.pw_uid, user.pw_gid))
    for path in (program, data):
        if path.exists() and not _can_reach(path, become):
            raise CannotStart(
                f"Postgres refuses to run as root, and the user {_SYSTEM_USER} cannot reach {path}: "
                "start as a normal user, keep the checkout and LLMOPS_HOME outside the home of root, "
                "or set DATABASE_URL to a Postgres of your own."
            )
    return way


def _enter_namespace() -> None:
    user, group = os.geteuid(), os.getegid()
    inside = _other_user()
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "no user namespace")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{inside.pw_uid} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{inside.pw_gid} {group} 1")


def _other_user() -> pwd.struct_passwd:
    """Any user with a name and another number than root's; initdb looks the name up."""
    for name in ("daemon", "bin", "nobody"):
        if _is_user(name):
            return pwd.getpwnam(name)
    return max(pwd.getpwall(), key=lambda user: user.pw_uid)


def _is_user(name: str) -> bool:
    try:
        return pwd.getpwnam(name).pw_uid != 0
    except KeyError:
        return False


def _has_name(user: int) -> bool:
    try:
        pwd.getpwuid(user)
    except KeyError:
        return False
    return True


def _system_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(_SYSTEM_USER)
    except KeyError:
        pass
    if useradd := shutil.which("useradd") or shutil.which("useradd", path="/usr/sbin"):
        command = [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", _SYSTEM_USER]
        if subprocess.run(command, capture_output=True, check=False).returncode == 0:
            return pwd.getpwnam(_SYSTEM_USER)
    raise CannotStart(
        "Postgres refuses to run as root, and no user could be made for it here: "
        "start as a normal user, or set DATABASE_URL to a Postgres of your own."
    )


def _can_reach(path: Path, become: Callable[[], None]) -> bool:
    child = os.fork()
    if child == 0:
        try:
            become()
            os.stat(path)
            os._exit(0)
        except BaseException:  # the forked copy must not run on
            os._exit(1)
    return os.waitpid(child, 0)[1] == 0
