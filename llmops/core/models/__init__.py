from llmops.core.models.api_key import ApiKey
from llmops.core.models.asked_reset import AskedReset
from llmops.core.models.audit import AuditEntry
from llmops.core.models.connection import Connection
from llmops.core.models.failed_sign_in import FailedSignIn
from llmops.core.models.heartbeat import Heartbeat
from llmops.core.models.idempotency import IdempotencyRecord
from llmops.core.models.invitation import Invitation
from llmops.core.models.model_call import ModelCall
from llmops.core.models.price import ModelPrice
from llmops.core.models.project import Membership, Project
from llmops.core.models.saved_view import SavedView
from llmops.core.models.sign_in import SignIn
from llmops.core.models.user import User

__all__ = [
    "ApiKey",
    "AskedReset",
    "AuditEntry",
    "Connection",
    "FailedSignIn",
    "Heartbeat",
    "IdempotencyRecord",
    "Invitation",
    "Membership",
    "ModelCall",
    "ModelPrice",
    "Project",
    "SavedView",
    "SignIn",
    "User",
]
