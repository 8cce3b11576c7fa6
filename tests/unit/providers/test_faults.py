import re

import pytest

from llmops.providers.base import CallErrorKind, Credential, Vendor
from llmops.providers.faults import fault

KEY = "sk-canary-8d1f0b7c4e"
CREDENTIAL = Credential(7, "main {curly}", Vendor.OPENAI, "", KEY)


@pytest.mark.parametrize("kind", CallErrorKind)
def test_every_kind_has_a_plain_sentence(kind: CallErrorKind) -> None:
    error = fault(kind, CREDENTIAL, model="gpt-{x}")
    assert str(error) == error.message
    assert error.message[0].isupper() and error.message.endswith(".")
    assert 20 < len(error.message) < 250
    assert not re.search(r"HTTP|JSON|API|status|exception|token", error.message)


def test_what_the_vendor_said_is_quoted_on_one_line_and_shortened() -> None:
    error = fault(CallErrorKind.BAD_REQUEST, CREDENTIAL, model="m", said="a\n  b " + "x" * 500)
    assert " It said: a b xxx" in error.message
    assert error.message.endswith("x…")
    assert len(error.message) < 500


def test_key_is_cut_out_of_everything_that_others_wrote() -> None:
    error = fault(
        CallErrorKind.BAD_REQUEST,
        CREDENTIAL,
        message=f"A {KEY}.",
        detail=f"B {KEY}.",
        said=f"C {KEY} " + "y" * 400,
    )
    assert KEY not in error.message
    assert error.message.count("[key]") == 3


def test_key_is_cut_out_before_shortening() -> None:
    error = fault(CallErrorKind.BAD_REQUEST, CREDENTIAL, said="x" * 290 + KEY)
    assert "sk-" not in error.message


def test_placeholder_keys_do_not_mangle_sentences() -> None:
    local = Credential(7, "vLLM", Vendor.OPENAI_COMPATIBLE, "", "EMPTY")
    assert "EMPTY prompt" in fault(CallErrorKind.BAD_REQUEST, local, said="EMPTY prompt").message


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0.2, "in 1 s"), (33.0, "in 33 s"), (600.0, "in 10 minutes"), (None, "later")]
)
def test_waits_are_told_in_words(seconds: float | None, expected: str) -> None:
    assert f"again {expected}" in fault(CallErrorKind.WAIT_TOO_LONG, CREDENTIAL, retry_after_s=seconds).message


@pytest.mark.parametrize(
    ("vendor", "base_url", "advice"),
    [
        (Vendor.OPENAI, "", "may reach the internet"),
        (Vendor.OPENAI, "https://gateway.example.com/v1", "Check its address under Models"),
        (Vendor.OPENAI_COMPATIBLE, "https://models.example.com/v1", "Check its address under Models"),
        (Vendor.LOCAL, "http://127.0.0.1:8001/v1", "It may still be starting"),
    ],
)
def test_advice_for_a_server_out_of_reach_fits_what_can_be_changed(vendor: Vendor, base_url: str, advice: str) -> None:
    credential = Credential(7, "main", vendor, base_url, KEY)
    assert advice in fault(CallErrorKind.UNREACHABLE, credential).message


@pytest.mark.parametrize(
    ("vendor", "advice"),
    [
        (Vendor.LOCAL, "“smollm2-135m-instruct”"),
        (Vendor.PRACTICE, "“echo”, “banker”"),
        (Vendor.COHERE, "this key may use"),
    ],
)
def test_models_that_are_few_are_named_when_one_is_misspelt(vendor: Vendor, advice: str) -> None:
    error = fault(CallErrorKind.NO_SUCH_MODEL, Credential(7, "main", vendor, "", ""), model="ecko")
    assert "“ecko”" in error.message and advice in error.message
