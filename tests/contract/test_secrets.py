"""A canary key, and every way a call can end: the key shows up nowhere but in the request."""

import logging
import traceback

import pytest

from llmops.providers.base import ModelCallError
from tests.contract.conftest import KEY, REQUEST, Opened, credential_for
from tests.contract.dialects import Dialect
from tests.contract.server import Answer

pytestmark = pytest.mark.contract


def endings(dialect: Dialect) -> list[Answer]:
    echo = f"You sent {KEY} and “Bearer {KEY}”"
    body = dialect.answer("yes").body
    return [
        dialect.answer("yes"),
        *(dialect.failure(status, echo) for status in (400, 401, 403, 404, 429, 500, 529)),
        Answer(status=400, body=echo.encode(), headers={"content-type": "text/plain"}),
        Answer(body=body[:-9]),
        Answer(body=body, cut_after=9),
        Answer(status=302, headers={"location": f"http://127.0.0.1:1/{KEY}"}),
        Answer(hang=True),
        Answer(body=b"[]"),
        dialect.stream(["a"], reason=None),
    ]


@pytest.mark.parametrize("stream", [False, True])
async def test_key_is_in_no_error_and_no_log(
    dialect: Dialect, stream: bool, opened: Opened, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    failures = 0
    for answer in endings(dialect):
        async with opened(dialect, answer) as (adapter, _):
            try:
                if stream:
                    [piece async for piece in adapter.stream(REQUEST, timeout_s=0.1)]
                else:
                    await adapter.complete(REQUEST, timeout_s=0.1)
            except ModelCallError as error:
                failures += 1
                everything = traceback.TracebackException.from_exception(error, capture_locals=False)
                assert KEY not in "".join(everything.format())
                assert KEY not in repr(error) + str(vars(error))
                assert error.__context__ is None
    assert failures >= 11
    assert KEY not in caplog.text
    assert "How are you?" not in caplog.text, "what people asked is not for logs either"


def test_key_is_in_no_repr(dialect: Dialect) -> None:
    credential = credential_for(dialect, "http://127.0.0.1:1")
    assert KEY not in repr(credential) + str(credential)
