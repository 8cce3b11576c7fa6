"""Members of a project: invited, given another role, removed."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from llmops.core.access import Action, ProjectRequest, project_page
from llmops.core.choices import Role
from llmops.core.forms import InvitationForm, RoleForm
from llmops.core.forms.people import ROLE_WORDS
from llmops.core.models import Invitation
from llmops.core.selectors.invitations import invitation_by_pk, invitation_link, open_invitations
from llmops.core.selectors.members import keys_made_by, member_by_pk, members_of_project, only_admin
from llmops.core.services import LastAdmin
from llmops.core.services import member_remove as remove
from llmops.core.services import member_set as set_role
from llmops.core.services.invitations import (
    AlreadyMember,
    InvitationVoid,
    invitation_revoke,
    invitation_send,
    invitation_send_again,
)
from llmops.core.tasks import ask_for_mail, send_invitation
from llmops.core.views.addresses import text_in
from llmops.core.views.project import settings_context

SEARCHED_FROM = 10
"""From this many members on, the list has a search field."""
LAST_ADMIN = "This is the only admin of the project. Give somebody else the role admin first."


@project_page(Action.VIEW)
@require_GET
def member_list(request: ProjectRequest) -> HttpResponse:
    """Who belongs to the project, and whose name has `?q=`; who is invited. `?invited=` shows an invitation's link."""
    search = text_in(request, "q")
    everyone = list(members_of_project(request.project))
    members = list(members_of_project(request.project, search=search)) if search else everyone
    may_edit = request.actor.may(Action.EDIT_MEMBER)
    invitations = list(open_invitations(request.project).select_related("invited_by")) if may_edit else []
    shown = [(invitation, invitation_link(invitation)) for invitation in invitations]
    context = settings_context(request, "members") | {
        "members": [(member, ROLE_WORDS[Role(member.role)]) for member in members],
        "n_members": len(everyone),
        "search": search,
        "searched_from": SEARCHED_FROM,
        "may_edit": may_edit,
        "only_admin": only_admin(everyone) if may_edit else None,
        "invitations": shown,
        "invited": next((pair for pair in shown if str(pair[0].pk) == request.GET.get("invited")), None),
        "mail_is_sent": settings.MAIL_IS_SENT,
    }
    return render(request, "core/settings_members.html", context)


@project_page(Action.EDIT_MEMBER)
@require_http_methods(["GET", "POST"])
def member_invite(request: ProjectRequest) -> HttpResponse:
    """Say whom to invite and as what."""
    form = InvitationForm(request.POST or None)
    if form.is_valid():
        try:
            invitation = invitation_send(
                project=request.project,
                email=form.cleaned_data["email"],
                role=Role(form.cleaned_data["role"]),
                invited_by=request.user,
            )
        except AlreadyMember:
            form.add_error("email", "This person is a member already. You can change their role in the list.")
        else:
            return _sent(request, invitation)
    context = settings_context(request, "members") | {"form": form, "mail_is_sent": settings.MAIL_IS_SENT}
    return render(request, "core/member_invite.html", context, status=422 if form.errors else 200)


@project_page(Action.EDIT_MEMBER)
@require_http_methods(["GET", "POST"])
def member_edit(request: ProjectRequest, pk: int) -> HttpResponse:
    """Give a member another role."""
    member = member_by_pk(request.project, pk=pk)
    form = RoleForm(request.POST or None, initial={"role": member.role})
    if form.is_valid():
        role = Role(form.cleaned_data["role"])
        try:
            set_role(project=request.project, user=member.user, role=role)
        except LastAdmin:
            form.add_error("role", LAST_ADMIN)
        else:
            messages.success(request, f"{member.user} is {role.value} from now on.")
            return redirect("core:member-list", project=request.project.slug)
    context = settings_context(request, "members") | {
        "form": form,
        "member": member,
        "only_admin": only_admin(members_of_project(request.project)),
    }
    return render(request, "core/member_edit.html", context, status=422 if form.errors else 200)


@project_page(Action.EDIT_MEMBER)
@require_http_methods(["GET", "POST"])
def member_remove(request: ProjectRequest, pk: int) -> HttpResponse:
    """Ask, then take a member out of the project."""
    member = member_by_pk(request.project, pk=pk)
    context: dict[str, Any] = settings_context(request, "members") | {
        "member": member,
        "n_keys": keys_made_by(request.project, user=member.user).count(),
    }
    if request.method == "POST":
        try:
            remove(project=request.project, user=member.user)
        except LastAdmin:
            return render(request, "core/member_remove.html", context | {"problem": LAST_ADMIN}, status=409)
        if member.user == request.user:
            return redirect("start")
        messages.success(request, f"{member.user} is not a member any more.")
        return redirect("core:member-list", project=request.project.slug)
    return render(request, "core/member_remove.html", context)


@project_page(Action.EDIT_MEMBER)
@require_POST
def invitation_resend(request: ProjectRequest, pk: int) -> HttpResponse:
    """Send an invitation once more, with a new link."""
    invitation = invitation_by_pk(request.project, pk=pk)
    try:
        invitation_send_again(invitation)
    except InvitationVoid:
        messages.error(request, f"{invitation.email} has accepted or lost the invitation meanwhile.")
        return redirect("core:member-list", project=request.project.slug)
    return _sent(request, invitation)


@project_page(Action.EDIT_MEMBER)
@require_POST
def invitation_withdraw(request: ProjectRequest, pk: int) -> HttpResponse:
    """Make an invitation useless."""
    invitation = invitation_by_pk(request.project, pk=pk)
    invitation_revoke(invitation)
    messages.success(request, f"The invitation for {invitation.email} is withdrawn; its link does not work any more.")
    return redirect("core:member-list", project=request.project.slug)


def _sent(request: ProjectRequest, invitation: Invitation) -> HttpResponse:
    asked = ask_for_mail(send_invitation, invitation_id=invitation.pk)
    if settings.MAIL_IS_SENT and not asked:
        messages.error(request, "The mail could not be sent just now. Copy the link below, or send it again later.")
    return redirect(f"{reverse('core:member-list', args=[request.project.slug])}?invited={invitation.pk}")
