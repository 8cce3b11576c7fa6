"""The only authorisation: who may do what in which project.

Pages are wrapped in `project_page(action)`, API views declare `actions`; both end in `may()`. A project that
somebody does not belong to does not exist for them (404), an action above their role is refused (403).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlsplit

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseNotAllowed

from llmops.core.acting import acts
from llmops.core.choices import Role, Scope
from llmops.core.models import ApiKey, Membership, Project, User
from llmops.core.sessions import note_visit

PAGE_METHODS = ("GET", "HEAD", "POST")
SIGNED_IN = "signed in"
"""The access rule of pages that belong to a person and to no project."""


class Action(StrEnum):
    """What can be done in a project."""

    VIEW = "view"
    REVIEW = "review"
    TRY_PROMPT = "try_prompt"
    EDIT_PROMPT = "edit_prompt"
    EDIT_DATASET = "edit_dataset"
    EDIT_EVALUATOR = "edit_evaluator"
    START_RUN = "start_run"
    EDIT_CONNECTION = "edit_connection"
    EDIT_PROJECT = "edit_project"
    EDIT_API_KEY = "edit_api_key"
    EDIT_MEMBER = "edit_member"
    READ_AUDIT = "read_audit"
    SHARE_VIEW = "share_view"


_RANK = {role: rank for rank, role in enumerate(Role)}
LOWEST_ROLE: dict[Action, Role] = {
    Action.VIEW: Role.VIEWER,
    Action.REVIEW: Role.REVIEWER,
    Action.TRY_PROMPT: Role.EDITOR,
    Action.EDIT_PROMPT: Role.EDITOR,
    Action.EDIT_DATASET: Role.EDITOR,
    Action.EDIT_EVALUATOR: Role.EDITOR,
    Action.START_RUN: Role.EDITOR,
    Action.EDIT_CONNECTION: Role.ADMIN,
    Action.EDIT_PROJECT: Role.ADMIN,
    Action.EDIT_API_KEY: Role.ADMIN,
    Action.EDIT_MEMBER: Role.ADMIN,
    Action.READ_AUDIT: Role.ADMIN,
    Action.SHARE_VIEW: Role.EDITOR,
}
ROLE_OF_SCOPE: dict[Scope, Role] = {
    Scope.READ: Role.VIEWER,
    Scope.WRITE: Role.EDITOR,
    Scope.ALL: Role.ADMIN,
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts in which project: a member in the browser, or an API key."""

    project: Project
    role: Role
    user: User | None = None
    api_key: ApiKey | None = None

    def may(self, action: Action) -> bool:
        return _RANK[self.role] >= _RANK[LOWEST_ROLE[action]]

    @property
    def person(self) -> User | None:
        """Who is named as the author: the member, or who made the key."""
        return self.user or (self.api_key.created_by if self.api_key else None)


class ProjectRequest(HttpRequest):
    """A request that `project_page` let through."""

    project: Project
    actor: Actor
    user: User


class SignedInRequest(HttpRequest):
    """A request that `signed_in_page` let through."""

    user: User


def actor_for_user(user: User, *, project_slug: str) -> Actor:
    """The member's part in the project. Raises Http404 when there is no such project for this person."""
    membership = Membership.objects.select_related("project").filter(project__slug=project_slug, user=user).first()
    if membership is None:
        raise Http404("No such project.")
    return Actor(project=membership.project, role=Role(membership.role), user=user)


def enter_project(request: HttpRequest, user: User, *, slug: str) -> None:
    """Note in which project, and as who, the person asks. Raises Http404 when there is no such project for them."""
    actor = actor_for_user(user, project_slug=slug)
    request.actor, request.project = actor, actor.project  # type: ignore[attr-defined]  # see ProjectRequest


def actor_for_key(key: ApiKey) -> Actor:
    """What an API key may do: the strongest of its scopes."""
    roles = [ROLE_OF_SCOPE[Scope(scope)] for scope in key.scopes]
    return Actor(project=key.project, role=max(roles, key=_RANK.__getitem__), api_key=key)


P = ParamSpec("P")
ProjectView = Callable[Concatenate[Any, P], Any]


def project_page(action: Action, *, post: Action | None = None) -> Callable[[ProjectView[P]], Callable[..., Any]]:
    """Let a page view through for members whose role allows `action` (`post` for the method POST).

    The view gets `request.project` and `request.actor`; the URL's `project` slug is taken away.
    Signed-out people are sent to sign in, others get 404, members below the role 403;
    methods that no browser sends from a page get 405.
    """

    def decorate(view: ProjectView[P]) -> Callable[..., Any]:
        def enter(request: ProjectRequest, project: str) -> HttpResponseBase | None:
            if stop := _enter_signed_in(request):
                return stop
            enter_project(request, request.user, slug=project)
            needed = (post or action) if request.method == "POST" else action
            if not request.actor.may(needed):
                raise PermissionDenied(needed)
            return None

        if iscoroutinefunction(view):

            @wraps(view)
            async def async_page(request: ProjectRequest, project: str, *args: Any, **kwargs: Any) -> Any:
                stop = await sync_to_async(enter)(request, project)
                return stop or await view(request, *args, **kwargs)

            page: Callable[..., Any] = async_page
        else:

            @wraps(view)
            def sync_page(request: ProjectRequest, project: str, *args: Any, **kwargs: Any) -> Any:
                return enter(request, project) or view(request, *args, **kwargs)

            page = sync_page
        page.access_rule = (action, post or action)  # type: ignore[attr-defined]  # read by the guard tests
        return page

    return decorate


def _enter_signed_in(request: HttpRequest) -> HttpResponseBase | None:
    """Note who asks. The signed-out are sent to sign in, and methods that no browser sends from a page get 405."""
    if request.method not in PAGE_METHODS:
        return HttpResponseNotAllowed(PAGE_METHODS)
    if not request.user.is_authenticated:
        return redirect_to_login(_back_to(request))
    note_visit(request)
    acts(user=request.user)
    return None


def _back_to(request: HttpRequest) -> str:
    """Where to go after signing in: the address itself, or for a form that was sent, the page it was on."""
    sender = urlsplit(request.headers.get("Referer", ""))
    if request.method == "POST" and sender.path.startswith("/") and sender.netloc == request.get_host():
        return f"{sender.path}?{sender.query}" if sender.query else sender.path
    return request.get_full_path()


def signed_in_page(view: Callable[..., Any]) -> Callable[..., Any]:
    """Let everybody who has signed in open a page about themselves, whatever project they belong to."""

    @wraps(view)
    def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return _enter_signed_in(request) or view(request, *args, **kwargs)

    page.access_rule = SIGNED_IN  # type: ignore[attr-defined]  # read by the guard tests
    return page


def open_page(view: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a page that needs no project: sign-in, health checks, the start page that redirects."""
    view.access_rule = None  # type: ignore[attr-defined]  # read by the guard tests
    return login_not_required(view)
