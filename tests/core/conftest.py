"""Fixtures of the core's tests."""

import pytest
from django.db import connection


@pytest.fixture
def empty_ledger(db: None) -> None:
    """The ledger's table is kept by SQL migrations, so Django does not empty it between tests."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM core_modelcall")
