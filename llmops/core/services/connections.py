"""Model connections: made, changed, tested, turned into what the gateway needs."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from llmops.core.choices import AuditKind
from llmops.core.encryption import decrypt, encrypt
from llmops.core.models import Connection, Project, User
from llmops.core.naming import name_problem
from llmops.core.services.audit import audit_note, changes
from llmops.outbound import AddressRefused, OutboundPolicy, check_url
from llmops.providers.base import Credential, Vendor

KEYLESS_VENDORS = frozenset({Vendor.LOCAL, Vendor.PRACTICE})
KEY_OPTIONAL_VENDORS = KEYLESS_VENDORS | {Vendor.OPENAI_COMPATIBLE}
MOST_A_MINUTE = 2_000_000_000
SHORTEST_HINTED_KEY = 12
Facts = dict[str, object]


class ConnectionProblem(ValueError):
    """A connection that cannot be as asked; says which field and what to do."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """What people type. An empty `api_key` keeps the stored one when a connection is changed."""

    name: str
    vendor: Vendor
    base_url: str = ""
    api_key: str = ""
    default_model: str = ""
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None


def connection_create(*, project: Project, wanted: ConnectionSettings, created_by: User | None = None) -> Connection:
    """Make a connection. Raises ConnectionProblem: name taken, key missing, address refused."""
    _check(wanted, stored_key=False)
    try:
        with transaction.atomic():
            made = Connection.objects.create(
                project=project, created_by=created_by, vendor=wanted.vendor, **_columns(wanted)
            )
            _note(made, "added", f"added the connection “{made.name}”", after=_facts(made))
            return made
    except IntegrityError as taken:
        raise ConnectionProblem("name", f"There is already a connection called “{wanted.name}”.") from taken


def connection_change(connection: Connection, *, wanted: ConnectionSettings) -> None:
    """Change a connection in place; what versions and runs point at stays. Raises ConnectionProblem."""
    if wanted.vendor != connection.vendor:
        raise ConnectionProblem("vendor", "The vendor stays as it is. Make a second connection instead.")
    if wanted.base_url != connection.base_url and not wanted.api_key and connection.api_key_encrypted:
        raise ConnectionProblem(
            "api_key",
            "The address changes, so paste the key again: a stored key is not sent to a new address.",
        )
    _check(wanted, stored_key=bool(connection.api_key_encrypted))
    try:
        with transaction.atomic():
            before = Connection.objects.select_for_update().get(pk=connection.pk)
            Connection.objects.filter(pk=connection.pk).update(**_columns(wanted))
            connection.refresh_from_db()
            _note_change(before, connection, new_key=bool(wanted.api_key))
    except IntegrityError as taken:
        raise ConnectionProblem("name", f"There is already a connection called “{wanted.name}”.") from taken


def connection_archive(connection: Connection) -> None:
    """Take a connection out of use and forget its key. Versions and runs that used it still name it."""
    with transaction.atomic():
        if Connection.objects.filter(pk=connection.pk, archived_at__isnull=True).update(
            archived_at=timezone.now(), api_key_encrypted=b"", api_key_hint=""
        ):
            what = f"removed the connection “{connection.name}” and its key"
            _note(connection, "removed", what, before=_facts(connection))


def connection_test_record(connection: Connection, *, problem: str) -> None:
    """Keep how the last test call went; an empty problem means that it answered."""
    Connection.objects.filter(pk=connection.pk).update(tested_at=timezone.now(), test_problem=problem[:500])


def credential_for(connection: Connection) -> Credential:
    """What the gateway needs to call this connection. Raises KeyLost."""
    vendor = Vendor(connection.vendor)
    base_url = settings.LOCAL_MODEL_URL if vendor is Vendor.LOCAL else connection.base_url
    return Credential(
        connection_id=connection.pk,
        name=connection.name,
        vendor=vendor,
        base_url=base_url,
        api_key=decrypt(connection.api_key_encrypted),
        requests_per_minute=connection.requests_per_minute,
        tokens_per_minute=connection.tokens_per_minute,
        timeout_s=float(connection.timeout_s),
    )


def outbound_policy() -> OutboundPolicy:
    """Which addresses people may name, as the environment says."""
    return OutboundPolicy.from_text(settings.ALLOW_PRIVATE_URLS)


def _check(wanted: ConnectionSettings, *, stored_key: bool) -> None:
    if problem := name_problem(wanted.name):
        raise ConnectionProblem("name", problem)
    if wanted.vendor is Vendor.OPENAI_COMPATIBLE and not wanted.base_url:
        raise ConnectionProblem("base_url", "Type the server’s address, for example https://models.example.com/v1.")
    if wanted.vendor in KEYLESS_VENDORS and wanted.base_url:
        raise ConnectionProblem("base_url", "This connection has no address of its own; leave it empty.")
    if wanted.vendor not in KEY_OPTIONAL_VENDORS and not (wanted.api_key or stored_key):
        raise ConnectionProblem("api_key", "Paste the key that the vendor gave you.")
    if not wanted.api_key.isascii() or any(letter.isspace() for letter in wanted.api_key):
        raise ConnectionProblem("api_key", "A key has no spaces or special letters; copy it again.")
    if wanted.base_url:
        try:
            check_url(wanted.base_url, outbound_policy())
        except AddressRefused as refused:
            raise ConnectionProblem("base_url", str(refused)) from refused


def _facts(connection: Connection) -> Facts:
    """What the audit trail says of a connection: nothing of its key but whether there is one."""
    return {
        "name": connection.name,
        "vendor": str(connection.vendor),
        "address": connection.base_url,
        "model to begin with": connection.default_model,
        "calls a minute": connection.requests_per_minute,
        "tokens a minute": connection.tokens_per_minute,
        "key": "stored" if connection.api_key_encrypted else "none",
    }


def _note_change(before: Connection, after: Connection, *, new_key: bool) -> None:
    was, became = changes(_facts(before), _facts(after))
    if new_key:
        was["key"], became["key"] = _facts(before)["key"], "replaced"
    if became:
        what = f"{'gave a new key to' if new_key else 'changed'} the connection “{before.name}”"
        _note(after, "changed", what, before=was, after=became)


def _note(
    connection: Connection, action: str, what: str, *, before: Facts | None = None, after: Facts | None = None
) -> None:
    audit_note(AuditKind.CONNECTION, action, what, project_id=connection.project_id, before=before, after=after)


def _columns(wanted: ConnectionSettings) -> dict[str, object]:
    columns: dict[str, object] = {
        "name": wanted.name,
        "base_url": wanted.base_url.strip(),
        "default_model": wanted.default_model.strip(),
        "requests_per_minute": wanted.requests_per_minute,
        "tokens_per_minute": wanted.tokens_per_minute,
    }
    if wanted.api_key:
        hint = wanted.api_key[-4:] if len(wanted.api_key) >= SHORTEST_HINTED_KEY else ""
        columns |= {"api_key_encrypted": encrypt(wanted.api_key), "api_key_hint": hint}
    return columns
