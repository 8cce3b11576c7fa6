"""The sentences people read when a call fails: what happened, and what to do about it. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from llmops.providers.base import LOCAL_MODEL, PRACTICE_MODELS, CallErrorKind, Credential, ModelCallError, Usage, Vendor
from llmops.texts import shortened

_SAID_CHARS = 300
_SHORTEST_KEY = 6

_SENTENCES: dict[CallErrorKind, str] = {
    CallErrorKind.WRONG_KEY: ("The key for the connection “{name}” was refused. Open Models and paste a new key."),
    CallErrorKind.NO_SUCH_MODEL: (
        "The connection “{name}” does not know the model “{model}”. Check the spelling, or choose a model "
        "that this key may use."
    ),
    CallErrorKind.OVER_QUOTA: (
        "The account behind the connection “{name}” has no credit left. Add credit or raise the spending "
        "limit at the vendor, or use another connection."
    ),
    CallErrorKind.RATE_LIMITED: (
        "The connection “{name}” gets more calls than the vendor allows right now. Wait a minute, or set "
        "lower limits for it under Models."
    ),
    CallErrorKind.TOO_LONG: (
        "The text is longer than the model “{model}” can read. Shorten the prompt or the case, or choose a "
        "model with a larger context."
    ),
    CallErrorKind.CONTENT_REFUSED: (
        "The safety rules of the vendor refused this text. Reword the prompt or the case, or choose another model."
    ),
    CallErrorKind.TIMED_OUT: (
        "The connection “{name}” did not answer in time. Try again; if it happens often, ask for shorter "
        "answers or allow more time under Models."
    ),
    CallErrorKind.UNREACHABLE: (
        "The connection “{name}” could not be reached. Check its address under Models, and that the server is running."
    ),
    CallErrorKind.BAD_ANSWER: (
        "The connection “{name}” sent an answer that could not be read. Try again; if it stays so, check "
        "its address under Models."
    ),
    CallErrorKind.VENDOR_DOWN: (
        "The vendor behind the connection “{name}” has trouble right now. Try again in a few minutes, or use "
        "another connection."
    ),
    CallErrorKind.BAD_REQUEST: (
        "The model “{model}” did not accept the request. Check the model settings of the prompt "
        "(temperature, longest answer and so on)."
    ),
    CallErrorKind.PRIVATE_ADDRESS: (
        "The address of the connection “{name}” is inside a private network, where calls are not allowed. "
        "Use a public address, or list it in LLMOPS_ALLOW_PRIVATE_URLS."
    ),
    CallErrorKind.WAIT_TOO_LONG: (
        "The connection “{name}” has used up its limits for now. It can be called again {when}; raise its "
        "limits under Models if the vendor allows more."
    ),
    CallErrorKind.STOPPED: "Stopped before the model was called.",
}


def _quoted(names: Sequence[str]) -> str:
    *first, last = (f"“{name}”" for name in names)
    return f"{', '.join(first)} and {last}"


_SENTENCES_OF_VENDORS: dict[tuple[CallErrorKind, Vendor], str] = {
    (CallErrorKind.NO_SUCH_MODEL, Vendor.LOCAL): (
        f"The connection “{{name}}” does not know the model “{{model}}”. The one that it has is “{LOCAL_MODEL}”."
    ),
    (CallErrorKind.NO_SUCH_MODEL, Vendor.PRACTICE): (
        f"The connection “{{name}}” does not know the model “{{model}}”. It has {_quoted(PRACTICE_MODELS)}, with a "
        "text or number of your own behind the colon."
    ),
    (CallErrorKind.UNREACHABLE, Vendor.LOCAL): (
        "The model on this machine, “{name}”, does not answer. It may still be starting: try again in a minute, "
        "or use another connection."
    ),
}
_VENDOR_AWAY = (
    "The vendor behind the connection “{name}” could not be reached from here. Check that this machine may reach "
    "the internet, and try again."
)


def fault(
    kind: CallErrorKind,
    credential: Credential,
    *,
    model: str = "",
    detail: str = "",
    said: str = "",
    message: str = "",
    retryable: bool | None = None,
    retry_after_s: float | None = None,
    status_code: int | None = None,
    usage: Usage | None = None,
) -> ModelCallError:
    """The error of this kind in plain words.

    `message` replaces the standing sentence of the kind and `detail` follows it; `said` is what the
    vendor wrote, quoted and shortened. The key is cut out of all three.
    """
    standing = _standing(kind, credential).format(name=credential.name, model=model, when=_when(retry_after_s))
    quoted = _in_one_line(without_key(said, credential))
    sentences = (
        without_key(message, credential) or standing,
        without_key(detail, credential),
        f"It said: {quoted}" if quoted else "",
    )
    return ModelCallError(
        kind,
        " ".join(sentence for sentence in sentences if sentence),
        retryable=retryable,
        retry_after_s=retry_after_s,
        status_code=status_code,
        usage=usage,
    )


def _standing(kind: CallErrorKind, credential: Credential) -> str:
    """The sentence of this kind, as it fits the vendor: not all have an address, keys or many models."""
    if sentence := _SENTENCES_OF_VENDORS.get((kind, credential.vendor)):
        return sentence
    at_home = not credential.base_url and credential.vendor is not Vendor.OPENAI_COMPATIBLE
    return _VENDOR_AWAY if kind is CallErrorKind.UNREACHABLE and at_home else _SENTENCES[kind]


def without_key(text: str, credential: Credential) -> str:
    """The same text with every occurrence of the key replaced, since servers echo what they were sent.
    Shorter keys are place-holders such as EMPTY, which local servers ask for."""
    return text.replace(credential.api_key, "[key]") if len(credential.api_key) >= _SHORTEST_KEY else text


def _in_one_line(said: str) -> str:
    return shortened(" ".join(said.split()), _SAID_CHARS)


def _when(seconds: float | None) -> str:
    if seconds is None:
        return "later"
    whole = max(1, round(seconds))
    return f"in {whole} s" if whole < 120 else f"in {round(whole / 60)} minutes"
