"""The audit trail: who did what, and when."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from llmops.core.choices import AuditKind
from llmops.enums import choices


class AuditEntry(models.Model):
    """One thing that was done. A trigger refuses to change or delete rows, whoever asks for it.

    `who` and `what` make a sentence, in the words of the day: "Ana" "made the API key “CI”". References are plain
    numbers, so that an entry outlives what it speaks of. Entries about an account alone have no project; `user_id`
    is the account, also when it is not known who stood behind a failed attempt.
    """

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(default=timezone.now)
    project_id = models.BigIntegerField(null=True)
    kind = models.CharField(max_length=20, choices=choices(AuditKind))
    action = models.CharField(max_length=40)
    who = models.CharField(max_length=300)
    user_id = models.BigIntegerField(null=True)
    api_key_id = models.BigIntegerField(null=True)
    what = models.TextField()
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    address = models.CharField(max_length=45, default="")
    request_id = models.CharField(max_length=64, default="")

    class Meta:
        managed = False
        db_table = "core_auditentry"

    def __str__(self) -> str:
        return f"{self.who} {self.what}"
