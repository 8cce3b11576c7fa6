from __future__ import annotations

import pytest
from pytest_django import Settings


@pytest.fixture
def loopback(settings: Settings) -> None:
    """Model servers on this machine may be called."""
    settings.ALLOW_PRIVATE_URLS = "127.0.0.1"
