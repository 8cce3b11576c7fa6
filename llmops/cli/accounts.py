"""What the subcommands do with people and keys. Import it once Django is set up; see django_commands."""

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from llmops.cli.programs import CannotStart
from llmops.core.choices import Scope
from llmops.core.models import Project, User
from llmops.core.services.api_keys import api_key_create
from llmops.core.services.users import user_create_admin


def create_admin(*, email: str, password: str) -> str:
    """Make an administrator, or give one a new password; what was done, as a sentence.

    Raises CannotStart for a password that the pages would not take.
    """
    known = User.objects.with_email(email).first()
    try:
        validate_password(password, known or User(email=email))
    except ValidationError as weak:
        raise CannotStart(f"this password cannot be taken. {' '.join(weak.messages)}") from None
    email = user_create_admin(email=email, password=password).email
    return (
        f"{email} is an administrator, with a new password." if known else f"{email} was made, and is an administrator."
    )


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
