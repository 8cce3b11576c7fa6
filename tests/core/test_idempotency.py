"""Requests that may be sent twice and must be done once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from llmops.core.models import Connection, IdempotencyRecord
from llmops.core.services import Answer, KeyReused, answer_once, fingerprint, idempotency_sweep
from tests.core.factories import make_room

pytestmark = pytest.mark.django_db
BODY = {"name": "Practice", "vendor": "practice"}


def test_the_first_answer_is_replayed() -> None:
    api = make_room().api()
    first = api.post("connections/", BODY, idempotency_key="k1")
    again = api.post("connections/", BODY, idempotency_key="k1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert Connection.objects.count() == 1


def test_the_order_of_fields_does_not_matter() -> None:
    api = make_room().api()
    api.post("connections/", BODY, idempotency_key="k1")
    turned = dict(reversed(BODY.items()))
    assert api.post("connections/", turned, idempotency_key="k1").status_code == 201


def test_the_same_key_for_something_else_is_refused() -> None:
    api = make_room().api()
    api.post("connections/", BODY, idempotency_key="k1")
    other = api.post("connections/", {**BODY, "name": "Other"}, idempotency_key="k1")
    assert other.status_code == 409
    assert other.json()["error"]["code"] == "idempotency_key_reused"
    assert Connection.objects.count() == 1


def test_keys_belong_to_their_project() -> None:
    first, second = make_room().api(), make_room().api()
    assert first.post("connections/", BODY, idempotency_key="k1").status_code == 201
    assert second.post("connections/", BODY, idempotency_key="k1").status_code == 201
    assert Connection.objects.count() == 2


def test_what_failed_may_be_sent_again_with_the_same_key() -> None:
    api = make_room().api()
    refused = api.post("connections/", {**BODY, "name": "a/b"}, idempotency_key="k1")
    assert refused.status_code == 422
    assert api.post("connections/", BODY, idempotency_key="k1").status_code == 201


def test_a_key_that_is_too_long_is_refused() -> None:
    answer = make_room().api().post("connections/", BODY, idempotency_key="k" * 256)
    assert (answer.status_code, Connection.objects.count()) == (400, 0)


def test_work_and_record_are_one_transaction() -> None:
    room = make_room()

    def fails() -> Answer:
        room.practice()
        raise RuntimeError("after the work")

    with pytest.raises(RuntimeError):
        answer_once(project=room.project, key="k1", asked="a", act=fails)
    assert not Connection.objects.exists()
    assert not IdempotencyRecord.objects.exists()


def test_a_key_is_kept_for_a_day() -> None:
    room = make_room()
    answer_once(project=room.project, key="k1", asked="a", act=lambda: Answer(201, {"n": 1}))
    IdempotencyRecord.objects.update(created_at=timezone.now() - timedelta(hours=23, minutes=59))
    assert idempotency_sweep() == 0
    with pytest.raises(KeyReused):
        answer_once(project=room.project, key="k1", asked="b", act=lambda: Answer(201, {}))
    IdempotencyRecord.objects.update(created_at=timezone.now() - timedelta(hours=24, minutes=1))
    assert answer_once(project=room.project, key="k1", asked="b", act=lambda: Answer(200, {"n": 2})).status == 200
    IdempotencyRecord.objects.update(created_at=timezone.now() - timedelta(hours=24, minutes=1))
    assert idempotency_sweep() == 1


def test_a_fingerprint_differs_with_every_part() -> None:
    assert fingerprint("POST", "/a", {"x": 1, "y": 2}) == fingerprint("POST", "/a", {"y": 2, "x": 1})
    assert len({fingerprint("POST", "/a", {}), fingerprint("PUT", "/a", {}), fingerprint("POST", "/b", {})}) == 3
