"""What a vendor's refusal means: HTTP status and error body -> a typed error with a sentence that helps."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llmops.providers.base import CallErrorKind, Credential, ModelCallError
from llmops.providers.faults import fault
from llmops.providers.retry import retry_after_s

_KEY_LIKE = re.compile(r"\b(sk|pk|key|co)-[\w*.-]{6,}", re.IGNORECASE)
_QUOTA_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "billing_error"})
_QUOTA = re.compile(
    r"credit balance|current quota|insufficient (balance|credit|funds|quota)|spend(ing)? limit"
    r"|usage limits|billing|calls ?/ ?month|monthly (limit|quota)",
    re.IGNORECASE,
)
_REFUSED_CODES = frozenset({"content_filter", "content_policy_violation", "responsible_ai_policy_violation"})
_REFUSED = re.compile(
    r"content (filter|management policy|policy)|blocked by .*(filter|policy)|usage (guidelines|policy)"
    r"|safety system",
    re.IGNORECASE,
)
_TOO_LONG_CODES = frozenset({"context_length_exceeded", "exceed_context_size_error", "request_too_large"})
_TOO_LONG = re.compile(
    r"context[ _]?(length|window|size)|prompt is too long|too many (input )?tokens|input is too long"
    r"|request too large|max_model_len",
    re.IGNORECASE,
)
_NO_MODEL = re.compile(
    r"model\b.{0,80}(does not exist|not exist|not found|not a valid|unknown|not available)"
    r"|(invalid|unknown|no such|not a valid) model",
    re.IGNORECASE | re.DOTALL,
)
_SETTINGS = (
    ("temperature", re.compile(r"\btemperature\b")),
    ("top_p", re.compile(r"\btop_p\b")),
    ("max_tokens", re.compile(r"\bmax(_completion)?_tokens\b")),
    ("seed", re.compile(r"\bseed\b")),
    ("stop", re.compile(r"['\"`“]?\bstop(_sequences)?\b['\"`”]?")),
    ("answer schema", re.compile(r"response_format|output_config|json_schema|output_format")),
)


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """The error of a vendor, whatever shape it came in; fields it did not send are empty."""

    message: str = ""
    code: str = ""
    type: str = ""
    param: str = ""

    @property
    def codes(self) -> frozenset[str]:
        return frozenset({self.code, self.type}) - {""}


def read_error_body(body: Any) -> ErrorBody:
    """Understands `{"error": {...}}`, `{"error": "…"}`, `{"message": …}`, `{"detail": …}`, plain text and
    what is inside them. A page of HTML counts as no message."""
    if isinstance(body, bytes | str):
        return _read_text(body)
    if not isinstance(body, Mapping):
        return ErrorBody()
    error = body.get("error")
    if isinstance(error, Mapping):
        return read_error_body(error)
    message = next((body[key] for key in ("message", "detail", "error", "msg") if body.get(key)), "")
    details = body.get("details")
    detail_code = details.get("error_code") if isinstance(details, Mapping) else None
    return ErrorBody(
        message=message if isinstance(message, str) else json.dumps(message, ensure_ascii=False, default=str),
        code=_word(detail_code) or _word(body.get("code")),
        type=_word(body.get("type")),
        param=_word(body.get("param")),
    )


def status_fault(
    credential: Credential, model: str, *, status: int, body: Any, headers: Mapping[str, str]
) -> ModelCallError:
    """The error that an HTTP answer of this status stands for. 200 is an error body sent as a success."""
    error = read_error_body(body)
    kind = _kind(status, error)
    wait_s = retry_after_s(headers) if kind in (CallErrorKind.RATE_LIMITED, CallErrorKind.VENDOR_DOWN) else None
    return fault(
        kind,
        credential,
        model=model,
        said="" if status == 401 else _KEY_LIKE.sub("[key]", error.message),
        message=_special_sentence(kind, status, error, credential, model),
        retryable=False if _is_wrong_address(status, kind) else None,
        retry_after_s=wait_s,
        status_code=status,
    )


def _kind(status: int, error: ErrorBody) -> CallErrorKind:
    if status == 401:
        return CallErrorKind.WRONG_KEY
    if status < 500:
        said = _kind_by_words(status, error)
        if said is not None:
            return said
    match status:
        case 402:
            return CallErrorKind.OVER_QUOTA
        case 403:
            return CallErrorKind.WRONG_KEY
        case 404 | 405:
            return CallErrorKind.UNREACHABLE
        case 408 | 499 | 504 | 524:
            return CallErrorKind.TIMED_OUT
        case 409 | 425:
            return CallErrorKind.VENDOR_DOWN
        case 413:
            return CallErrorKind.TOO_LONG
        case 429:
            return CallErrorKind.RATE_LIMITED
        case 498:
            return CallErrorKind.CONTENT_REFUSED
        case 501:
            return CallErrorKind.BAD_REQUEST
    if status >= 500:
        return CallErrorKind.VENDOR_DOWN
    if 300 <= status < 400:
        return CallErrorKind.UNREACHABLE
    return CallErrorKind.BAD_REQUEST if status >= 400 else CallErrorKind.BAD_ANSWER


def _kind_by_words(status: int, error: ErrorBody) -> CallErrorKind | None:
    """What codes and wording say, which is more than the status: vendors send 400 and 429 for many things."""
    quota = error.codes & _QUOTA_CODES or any(code.endswith("spend_limit_reached") for code in error.codes)
    if quota or (status in (400, 403, 429) and _QUOTA.search(error.message)):
        return CallErrorKind.OVER_QUOTA
    if error.codes & _REFUSED_CODES or _REFUSED.search(error.message):
        return CallErrorKind.CONTENT_REFUSED
    if error.codes & _TOO_LONG_CODES or _TOO_LONG.search(error.message):
        return CallErrorKind.TOO_LONG
    if "model_not_found" in error.codes or _NO_MODEL.search(error.message):
        return CallErrorKind.NO_SUCH_MODEL
    if status == 404 and re.search(r"\bmodel\b", error.message, re.IGNORECASE):
        return CallErrorKind.NO_SUCH_MODEL
    if status == 200:
        return _kind_by_type(error)
    return None


def _kind_by_type(error: ErrorBody) -> CallErrorKind | None:
    """For an error body that came with status 200, also in the middle of a stream."""
    for words, kind in (
        ({"authentication_error", "invalid_api_key", "401"}, CallErrorKind.WRONG_KEY),
        ({"permission_error", "403"}, CallErrorKind.WRONG_KEY),
        ({"rate_limit_error", "rate_limit_exceeded", "429"}, CallErrorKind.RATE_LIMITED),
        ({"invalid_request_error", "400", "422"}, CallErrorKind.BAD_REQUEST),
        (
            {"overloaded_error", "api_error", "server_error", "500", "502", "503", "529"},
            CallErrorKind.VENDOR_DOWN,
        ),
        ({"timeout_error", "408", "504"}, CallErrorKind.TIMED_OUT),
    ):
        if error.codes & words:
            return kind
    return None


def _special_sentence(kind: CallErrorKind, status: int, error: ErrorBody, credential: Credential, model: str) -> str:
    """A sentence that says more than the standing one of the kind, or an empty string."""
    if 300 <= status < 400:
        return (
            f"The address of the connection “{credential.name}” forwards to another address. Enter the final "
            "address under Models."
        )
    if _is_wrong_address(status, kind):
        return (
            f"No model server answers at the address of the connection “{credential.name}”. Check it under "
            "Models; such addresses usually end in /v1."
        )
    if status == 403 and kind is CallErrorKind.WRONG_KEY:
        return (
            f"The key for the connection “{credential.name}” may not make this call. Give it the right at "
            "the vendor, or open Models and paste another key."
        )
    setting = _setting(error) if kind is CallErrorKind.BAD_REQUEST else ""
    if setting:
        return (
            f"The model “{model}” does not accept the setting “{setting}” as it is. Clear or change it in "
            "the model settings of the prompt."
        )
    return ""


def _is_wrong_address(status: int, kind: CallErrorKind) -> bool:
    return kind is CallErrorKind.UNREACHABLE and 300 <= status < 500


def _setting(error: ErrorBody) -> str:
    text = error.param or error.message
    return next((name for name, pattern in _SETTINGS if pattern.search(text)), "")


def _read_text(body: bytes | str) -> ErrorBody:
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    try:
        parsed = json.loads(text)
    except ValueError:
        return ErrorBody(message="" if "<" in text[:200] else text.strip())
    return read_error_body(parsed) if isinstance(parsed, Mapping) else ErrorBody()


def _word(value: Any) -> str:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
