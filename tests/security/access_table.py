"""Who may do what at which address, written down by hand and apart from the code.

A new address needs a line here: the guard test fails without one. The status is what the lowest role or scope that may
do it gets, for a form or body that is filled in wrongly where there is one; everybody above gets the same.
"""

from __future__ import annotations

from typing import NamedTuple

from llmops.core.choices import Role, Scope

VIEWER, REVIEWER, EDITOR, RELEASER, ADMIN = Role
READ, WRITE, ALL = Scope


class Way(NamedTuple):
    """From which role on a method may be used, and what it answers."""

    role: Role
    status: int


class Page(NamedTuple):
    """What a page says to GET and POST; None: it does not know the method.

    `method_first`: it says so to everybody, also to those who could not open it.
    `found_first`: whether it is theirs depends on the object, so one that is not there is not there for any role.
    """

    get: Way | None = None
    post: Way | None = None
    method_first: bool = False
    found_first: bool = False


def _read(role: Role = VIEWER, status: int = 200) -> Page:
    return Page(get=Way(role, status))


def _act(role: Role, status: int = 302) -> Page:
    return Page(post=Way(role, status))


def _form(role: Role, status: int = 422, *, read: Role | None = None, shows: int = 200) -> Page:
    return Page(get=Way(read or role, shows), post=Way(role, status))


def _found_first(page: Page, *, method_first: bool = False) -> Page:
    return page._replace(found_first=True, method_first=method_first)


PAGES: dict[str, Page] = {
    "core:home": _read(),
    "core:search": _read(),
    "core:connection-list": _read(),
    "core:connection-new": _form(ADMIN, 200),
    "core:connection-edit": _form(ADMIN),
    "core:connection-test": _act(ADMIN),
    "core:connection-remove": _form(ADMIN, 302),
    "core:settings": _form(ADMIN, read=VIEWER),
    "core:member-list": _read(),
    "core:member-invite": _form(ADMIN),
    "core:member-edit": _form(ADMIN),
    "core:member-remove": _form(ADMIN, 302),
    "core:invitation-resend": _act(ADMIN),
    "core:invitation-withdraw": _act(ADMIN),
    "core:api-key-list": _form(ADMIN),
    "core:api-key-revoke": _form(ADMIN, 302),
    "core:audit-trail": _read(ADMIN),
    "core:audit-export": _read(ADMIN),
    "core:saved-view-new": _form(VIEWER, 404, shows=404),
    "core:saved-view-edit": _found_first(_form(EDITOR)),
    "core:saved-view-remove": _found_first(_act(EDITOR), method_first=True),
    "core:saved-view-put-back": _found_first(_act(EDITOR), method_first=True),
    "prompts:prompt-list": _form(VIEWER, 200),
    "prompts:prompt-new": _form(EDITOR),
    "prompts:prompt-detail": _form(EDITOR, 404, read=VIEWER),
    "prompts:prompt-compare": _read(),
    "prompts:prompt-versions": _read(),
    "prompts:prompt-restore": _act(EDITOR, 404),
    "prompts:prompt-duplicate": _form(EDITOR),
    "prompts:prompt-variables": _act(EDITOR, 200),
    "prompts:prompt-try": _form(EDITOR, 404, shows=302),
    "prompts:prompt-sent": _act(EDITOR, 404),
    "prompts:prompt-tags": _act(EDITOR),
    "prompts:prompt-archive": _act(EDITOR),
    "prompts:prompt-unarchive": _act(EDITOR),
    "evals:dataset-list": _read(),
    "evals:dataset-new": _form(EDITOR),
    "evals:dataset-detail": _read(),
    "evals:dataset-edit": _form(EDITOR),
    "evals:dataset-revisions": _read(),
    "evals:revision-restore": _act(EDITOR),
    "evals:revision-undo": _act(EDITOR),
    "evals:dataset-changes": _read(),
    "evals:dataset-export": _read(),
    "evals:dataset-remove": _act(EDITOR),
    "evals:dataset-restore": _act(EDITOR),
    "evals:dataset-import": _form(EDITOR),
    "evals:import-changes": _form(EDITOR, 302, shows=302),
    "evals:case-add": _form(EDITOR),
    "evals:case-bulk": _act(EDITOR),
    "evals:case-edit": _form(EDITOR, 404, read=VIEWER, shows=302),
    "evals:case-cell": _form(EDITOR, 302, shows=302),
    "evals:case-remove": _act(EDITOR),
    "evals:case-put-back": _act(EDITOR),
    "evals:evaluator-list": _read(),
    "evals:evaluator-new": _form(EDITOR, 200),
    "evals:evaluator-detail": _form(EDITOR, read=VIEWER),
    "evals:evaluator-remove": _act(EDITOR),
    "evals:evaluator-restore": _act(EDITOR),
    "evals:run-list": Page(get=Way(VIEWER, 200), method_first=True),
    "evals:run-new": _form(EDITOR),
    "evals:run-quote": Page(get=Way(EDITOR, 200), method_first=True),
    "evals:run-detail": Page(get=Way(VIEWER, 200), method_first=True),
    "evals:run-stop": Page(post=Way(EDITOR, 302), method_first=True),
    "evals:run-resume": Page(post=Way(EDITOR, 302), method_first=True),
}

# Outside of projects: whether one must have signed in, and what GET and POST answer then.
OPEN_PAGES: dict[str, tuple[bool, int, int]] = {
    "start": (True, 302, 302),
    "login": (False, 200, 422),
    "logout": (False, 405, 302),
    "invitation": (False, 200, 422),
    "password-forgotten": (False, 200, 422),
    "password-reset": (False, 410, 410),
    "account": (True, 200, 422),
    "account-password": (True, 405, 422),
    "project-new": (True, 200, 422),
    "sign-in-remove": (True, 405, 404),
    "sign-in-remove-others": (True, 405, 302),
    "livez": (False, 200, 200),
    "readyz": (False, 200, 200),
    "metrics": (False, 200, 200),
}


class Use(NamedTuple):
    """From which scope on an API method may be used, and what it answers."""

    scope: Scope
    status: int


API: dict[str, dict[str, Use]] = {
    "core-api:connection-list": {"GET": Use(READ, 200), "POST": Use(ALL, 422)},
    "core-api:connection-detail": {"GET": Use(READ, 200), "PUT": Use(ALL, 422), "DELETE": Use(ALL, 204)},
    "core-api:connection-test": {"POST": Use(ALL, 200)},
    "prompts-api:prompt-list": {"GET": Use(READ, 200), "POST": Use(WRITE, 422)},
    "prompts-api:prompt-detail": {"GET": Use(READ, 200), "DELETE": Use(WRITE, 204)},
    "prompts-api:prompt-version-list": {"GET": Use(READ, 200), "POST": Use(WRITE, 422)},
    "evals-api:dataset-list": {"GET": Use(READ, 200), "POST": Use(WRITE, 422)},
    "evals-api:dataset-detail": {"GET": Use(READ, 200), "DELETE": Use(WRITE, 204)},
    "evals-api:case-list": {"GET": Use(READ, 200), "POST": Use(WRITE, 422)},
    "evals-api:dataset-import": {"POST": Use(WRITE, 415)},
    "evals-api:dataset-export": {"GET": Use(READ, 200)},
    "evals-api:evaluator-list": {"GET": Use(READ, 200), "POST": Use(WRITE, 422)},
    "evals-api:evaluator-kinds": {"GET": Use(READ, 200)},
    "evals-api:evaluator-detail": {"GET": Use(READ, 200), "PUT": Use(WRITE, 200), "DELETE": Use(WRITE, 204)},
    "evals-api:run-list": {"GET": Use(READ, 200), "POST": Use(WRITE, 422)},
    "evals-api:run-detail": {"GET": Use(READ, 200)},
    "evals-api:run-results": {"GET": Use(READ, 200)},
    "evals-api:run-stop": {"POST": Use(WRITE, 200)},
    "evals-api:run-resume": {"POST": Use(WRITE, 200)},
    "evals-api:run-rescore": {"POST": Use(WRITE, 409)},
}
OPEN_API = {"schema", "api-unknown"}
