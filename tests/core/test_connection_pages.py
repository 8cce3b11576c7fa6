"""The pages of Models: choosing a vendor, typing a key, what went wrong beside its field."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from django.urls import reverse

from llmops.core.choices import Role
from llmops.core.models import Connection
from llmops.core.services import connection_test_record
from llmops.core.vendors import VENDORS
from llmops.providers.base import Vendor
from llmops.providers.prices import catalogue_price
from tests.core.factories import Room, make_connection, make_room

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_client")]
KEY = "sk-live-0123456789-canary"


def page(room: Room, name: str, *args: Any) -> str:
    return reverse(f"core:{name}", args=[room.project.slug, *args])


def text_of(answer: Any) -> str:
    return unescape(answer.content.decode())


def test_an_empty_list_offers_the_one_next_step(room: Room) -> None:
    text = text_of(room.client.get(page(room, "connection-list")))
    assert "No model is connected yet" in text
    assert page(room, "connection-new") in text


def test_a_password_in_the_address_is_not_said_back(room: Room) -> None:
    address = f"{page(room, 'connection-new')}?vendor={Vendor.OPENAI_COMPATIBLE}"
    typed = {"name": "server", "base_url": f"https://user:{KEY}@models.example.com/v1", "default_model": "m"}
    answer = room.client.post(address, typed)
    assert answer.status_code == 422
    text = text_of(answer)
    assert KEY not in text
    assert 'value="https://models.example.com/v1"' in text
    assert "Put keys into the key field" in text


def test_a_viewer_sees_connections_without_buttons(room: Room) -> None:
    room.practice()
    text = text_of(room.member(Role.VIEWER).get(page(room, "connection-list")))
    assert "Practice" in text
    assert page(room, "connection-new") not in text
    assert page(room, "connection-test", "Practice") not in text


def test_the_list_says_in_words_how_the_last_test_went(room: Room) -> None:
    answers, fails = room.practice(name="Good one"), room.practice(name="Bad one")
    room.practice(name="New one")
    connection_test_record(answers, problem="")
    connection_test_record(fails, problem="The key was refused.")
    text = text_of(room.client.get(page(room, "connection-list")))
    assert all(word in text for word in ("answers", "no answer", "The key was refused.", "not tested"))


def test_the_list_takes_the_same_number_of_queries_however_many_there_are(
    room: Room, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        room.practice(name=f"Practice {number}")
    with django_assert_max_num_queries(8):
        room.client.get(page(room, "connection-list"))


def test_all_vendors_are_offered_in_plain_words(room: Room) -> None:
    text = text_of(room.client.get(page(room, "connection-new")))
    for vendor in Vendor:
        assert VENDORS[vendor].summary in text
        assert f"?vendor={vendor}" in text


@pytest.mark.parametrize("vendor", [Vendor.OPENAI, Vendor.ANTHROPIC, Vendor.COHERE])
def test_proposed_models_are_known_to_the_price_catalogue(vendor: Vendor) -> None:
    assert [model for model in VENDORS[vendor].models if catalogue_price(vendor, model) is None] == []


@pytest.mark.parametrize(
    ("vendor", "fields", "absent"),
    [
        (Vendor.OPENAI, {"api_key", "base_url", "name", "requests_per_minute"}, set()),
        (Vendor.OPENAI_COMPATIBLE, {"api_key", "base_url", "default_model"}, set()),
        (Vendor.LOCAL, {"name", "default_model"}, {"api_key", "base_url", "tokens_per_minute"}),
        (Vendor.PRACTICE, {"name", "default_model"}, {"api_key", "base_url"}),
    ],
)
def test_each_vendor_asks_for_what_it_needs(room: Room, vendor: Vendor, fields: set[str], absent: set[str]) -> None:
    text = text_of(room.client.get(page(room, "connection-new") + f"?vendor={vendor}"))
    assert all(f'name="{field}"' in text for field in fields)
    assert not any(f'name="{field}"' in text for field in absent)


def test_connecting_tests_at_once_and_goes_back_to_the_list(room: Room) -> None:
    answer = room.client.post(page(room, "connection-new") + "?vendor=practice", {"name": "Practice"}, follow=True)
    assert answer.redirect_chain == [(page(room, "connection-list"), 302)]
    assert "“Practice” is connected. “echo” answered in " in text_of(answer)
    assert Connection.objects.get().created_by == room.admin


def test_a_failed_test_is_shown_beside_the_field_it_is_about(room: Room) -> None:
    wanted = {"name": "Practice", "default_model": "ekko"}
    answer = room.client.post(page(room, "connection-new") + "?vendor=practice", wanted, follow=True)
    assert answer.redirect_chain == [(page(room, "connection-edit", "Practice") + "?problem=no_such_model", 302)]
    text = text_of(answer)
    assert "The connection is saved, but the test call brought no answer." in text
    errors = text[text.index('id="id_default_model_error"') :]
    assert "does not know the model “ekko”" in errors[: errors.index("</div>")]


def test_a_wrong_key_is_said_beside_the_key(room: Room) -> None:
    made = make_connection(room.project, name="Main", vendor=Vendor.OPENAI, api_key=KEY)
    connection_test_record(made, problem="The key for the connection “Main” was refused.")
    text = text_of(room.client.get(page(room, "connection-edit", "Main") + "?problem=wrong_key"))
    errors = text[text.index('id="id_api_key_error"') :]
    assert "was refused" in errors[: errors.index("</div>")]


def test_an_unknown_kind_of_problem_is_said_above_the_form(room: Room) -> None:
    made = room.practice()
    connection_test_record(made, problem="The vendor has trouble.")
    for kind in ("vendor_down", "<script>", ""):
        text = text_of(room.client.get(page(room, "connection-edit", "Practice") + f"?problem={kind}"))
        assert "The vendor has trouble." in text


@pytest.mark.parametrize(
    ("vendor", "typed", "sentence"),
    [
        ("openai", {"name": "Main"}, "Paste the key that the vendor gave you."),
        ("openai", {"name": "", "api_key": KEY}, "Give it a name."),
        ("openai_compatible", {"name": "Own", "default_model": "m"}, "Type the server’s address."),
        (
            "openai_compatible",
            {"name": "Own", "base_url": "https://models.example.com/v1"},
            "Name a model, so that there is something to call.",
        ),
        (
            "openai_compatible",
            {"name": "Own", "default_model": "m", "base_url": "http://10.0.0.7/v1"},
            "is inside a private network",
        ),
        ("practice", {"name": "a/b"}, "A name may not contain a slash."),
        (
            "openai",
            {"name": "Main", "api_key": KEY, "requests_per_minute": "0"},
            "A whole number from 1 on.",
        ),
    ],
)
def test_what_is_missing_or_wrong_is_a_sentence(room: Room, vendor: str, typed: dict[str, str], sentence: str) -> None:
    answer = room.client.post(page(room, "connection-new") + f"?vendor={vendor}", typed)
    assert answer.status_code == 422
    assert sentence in text_of(answer)
    assert KEY not in text_of(answer)
    assert not Connection.objects.exists()


def test_a_taken_name_is_said_at_the_name(room: Room) -> None:
    room.practice()
    answer = room.client.post(page(room, "connection-new") + "?vendor=practice", {"name": "PRACTICE"})
    assert "There is already a connection called “PRACTICE”." in text_of(answer)


def test_an_unknown_vendor_does_not_exist(room: Room) -> None:
    assert room.client.get(page(room, "connection-new") + "?vendor=nobody").status_code == 404


def test_the_key_is_never_shown_again(room: Room) -> None:
    make_connection(room.project, name="Main", vendor=Vendor.OPENAI, api_key=KEY)
    for name in ("connection-list", "connection-edit", "connection-remove"):
        args = () if name == "connection-list" else ("Main",)
        text = text_of(room.client.get(page(room, name, *args)))
        assert KEY not in text
    assert "A key ending in nary is stored." in text_of(room.client.get(page(room, "connection-edit", "Main")))


def test_editing_changes_and_tests(room: Room) -> None:
    room.practice()
    wanted = {"name": "Trial", "default_model": "fixed:Hi"}
    answer = room.client.post(page(room, "connection-edit", "Practice"), wanted, follow=True)
    assert "“Trial” is connected. “fixed:Hi” answered" in text_of(answer)
    assert list(Connection.objects.values_list("name", "default_model")) == [("Trial", "fixed:Hi")]


def test_the_test_button_answers_htmx_with_the_rows_and_others_with_the_list(room: Room) -> None:
    room.practice(model="ekko")
    address = page(room, "connection-test", "Practice")
    rows = room.client.post(address, headers={"HX-Request": "true"})
    assert rows.status_code == 200
    assert text_of(rows).lstrip().startswith('<tbody id="connection-rows">')
    assert "does not know the model “ekko”" in text_of(rows)
    assert "HX-Request" in rows["Vary"]
    plain = room.client.post(address)
    assert plain.status_code == 302
    assert plain["Location"].startswith(page(room, "connection-list"))
    assert room.client.get(address).status_code == 405


def test_removing_asks_first(room: Room) -> None:
    made = room.practice()
    address = page(room, "connection-remove", "Practice")
    assert "Remove “Practice”?" in text_of(room.client.get(address))
    assert Connection.objects.get(pk=made.pk).archived_at is None
    answer = room.client.post(address, follow=True)
    assert "“Practice” is removed" in text_of(answer)
    assert Connection.objects.get(pk=made.pk).archived_at is not None


@pytest.mark.parametrize("role", [Role.VIEWER, Role.REVIEWER, Role.EDITOR, Role.RELEASER])
def test_only_administrators_change_connections(room: Room, role: Role) -> None:
    room.practice()
    client = room.member(role)
    assert client.get(page(room, "connection-list")).status_code == 200
    assert client.get(page(room, "connection-new")).status_code == 403
    for name in ("connection-edit", "connection-remove", "connection-test"):
        assert client.post(page(room, name, "Practice")).status_code == 403
    assert Connection.objects.get().archived_at is None


def test_another_project_does_not_exist(room: Room) -> None:
    other = make_room()
    other.practice(name="Secret one")
    for name, args in (("connection-list", ()), ("connection-new", ()), ("connection-edit", ("Secret one",))):
        assert room.client.get(page(other, name, *args)).status_code == 404
    for name in ("connection-edit", "connection-test", "connection-remove"):
        assert room.client.post(page(other, name, "Secret one")).status_code == 404
        assert room.client.post(page(room, name, "Secret one")).status_code == 404
    assert Connection.objects.get().archived_at is None


def test_signed_out_people_are_sent_to_sign_in(room: Room) -> None:
    room.client.logout()
    answer = room.client.get(page(room, "connection-list"))
    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("login"))


def test_the_tiny_model_says_what_it_is_good_for_wherever_it_is_chosen(room: Room) -> None:
    make_connection(room.project, name="here", vendor=Vendor.LOCAL)
    make_connection(room.project, name="Practice")
    for page in ("new-prompt/", "new-metric/?kind=rubric"):
        shown = room.client.get(room.address + page).content.decode()
        assert ">here (tiny, for trying things out)</option>" in shown, page
        assert ">Practice</option>" in shown, page
