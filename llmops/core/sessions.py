"""The session engine (settings.SESSION_ENGINE): Django's database sessions, kept as SignIn rows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.http import HttpRequest
from django.utils import timezone

from llmops.core.models import SignIn
from llmops.core.visitors import address_of

SEEN_AGAIN_AFTER = timedelta(minutes=1)
_MOST_AGENT = 300


class SessionStore(DatabaseStore):
    """Remembers the row that it loaded, so that saving keeps what the row says beside the session's contents."""

    row: SignIn | None = None

    @classmethod
    def get_model_class(cls) -> type[SignIn]:
        return SignIn

    def _get_session_from_db(self) -> SignIn | None:
        self.row = super()._get_session_from_db()  # type: ignore[misc]  # not in the stubs
        return self.row

    async def _aget_session_from_db(self) -> SignIn | None:
        self.row = await super()._aget_session_from_db()  # type: ignore[misc]  # as above
        return self.row

    def create_model_instance(self, data: dict[str, Any]) -> SignIn:
        return self._with_person(super().create_model_instance(data), data)

    async def acreate_model_instance(self, data: dict[str, Any]) -> SignIn:
        return self._with_person(await super().acreate_model_instance(data), data)

    def _with_person(self, row: Any, data: dict[str, Any]) -> SignIn:
        row.user_id = data.get(SESSION_KEY)
        if self.row is not None:
            row.agent, row.address, row.seen_at = self.row.agent, self.row.address, self.row.seen_at
        return row


def note_visit(request: HttpRequest) -> None:
    """Note where a signed-in browser is seen, once a minute. One statement at most."""
    row, now = getattr(getattr(request, "session", None), "row", None), timezone.now()
    if row is None or (row.seen_at is not None and now - row.seen_at < SEEN_AGAIN_AFTER):
        return
    row.seen_at, row.address = now, address_of(request)
    row.agent = request.headers.get("User-Agent", "")[:_MOST_AGENT]
    SignIn.objects.filter(pk=row.pk).update(seen_at=row.seen_at, address=row.address, agent=row.agent)
