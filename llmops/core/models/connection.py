"""Connections to model vendors."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from llmops.core.models.project import Project
from llmops.core.vendors import VENDORS
from llmops.enums import choices
from llmops.providers.base import Vendor


class Connection(models.Model):
    """A model connection: vendor, address and encrypted key. Archived instead of deleted, as versions point at it."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="connections")
    name = models.CharField(max_length=80)
    vendor = models.CharField(max_length=30, choices=choices(Vendor))
    base_url = models.CharField(max_length=500, blank=True)
    api_key_encrypted = models.BinaryField(default=b"", editable=False)
    api_key_hint = models.CharField(max_length=8, blank=True)
    default_model = models.CharField(max_length=200, blank=True)
    requests_per_minute = models.PositiveIntegerField(null=True, blank=True)
    tokens_per_minute = models.PositiveIntegerField(null=True, blank=True)
    timeout_s = models.PositiveSmallIntegerField(default=60)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    archived_at = models.DateTimeField(null=True, blank=True)
    tested_at = models.DateTimeField(null=True, blank=True)
    test_problem = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "project",
                Lower("name"),
                condition=models.Q(archived_at__isnull=True),
                name="connection_name_once",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def model_to_begin_with(self) -> str:
        """What is asked where nobody names a model: the one that is kept here, else the first of a vendor that needs
        no key. Empty where there is neither: which model of a vendor is paid for is for people to say."""
        card = VENDORS[Vendor(self.vendor)]
        return self.default_model or ("" if card.key_from else next(iter(card.models), ""))

    @property
    def proposed_models(self) -> tuple[str, ...]:
        """Names to propose while a person types: the one that is kept here first."""
        own = (self.default_model,) if self.default_model else ()
        return tuple(dict.fromkeys((*own, *VENDORS[Vendor(self.vendor)].models)))
