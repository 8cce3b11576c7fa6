"""Forms of the core's pages. They check what was typed; what may be is for the services to say."""

from llmops.core.forms.api_keys import SCOPE_WORDS, ApiKeyForm
from llmops.core.forms.connections import ConnectionForm
from llmops.core.forms.people import InvitationForm, JoinForm, RoleForm
from llmops.core.forms.project import ProjectForm

__all__ = [
    "SCOPE_WORDS",
    "ApiKeyForm",
    "ConnectionForm",
    "InvitationForm",
    "JoinForm",
    "ProjectForm",
    "RoleForm",
]
