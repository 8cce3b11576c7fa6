"""What the subcommands do with people and keys. Import it once Django is set up; see django_commands."""

from llmops.cli.programs import CannotStart
from llmops.core.choices import Scope
from llmops.core.models import Project
from llmops.core.services.api_keys import api_key_create
from llmops.core.services.users import user_create_admin


def create_admin(*, email: str, password: str) -> None:
    user_create_admin(email=email, password=password)


def create_api_key(*, project: str, name: str, scopes: list[str]) -> str:
    """The text of a new key. Raises CannotStart for a project or scope that is not there."""
    row = Project.objects.filter(slug=project).first()
    if row is None:
        known = ", ".join(Project.objects.order_by("slug").values_list("slug", flat=True)) or "none yet"
        raise CannotStart(f"there is no project {project!r} (there is: {known}).")
    try:
        wanted = [Scope(scope) for scope in scopes]
    except ValueError:
        raise CannotStart(f"--scopes may be {', '.join(Scope)}, separated by commas.") from None
    return api_key_create(project=row, name=name, scopes=wanted).text
