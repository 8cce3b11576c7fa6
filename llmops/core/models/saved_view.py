"""A list as somebody narrowed it down, kept under a name."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from llmops.core.models.project import Project


class SavedView(models.Model):
    """The filter of a list, for its maker or, when shared, for everybody in the project.

    `place` is the key of a list (llmops/panels.py), `subject` what it lists the parts of (a dataset, by its number),
    and `query` the filter as it stands in the address. A removed view stays, so that removing can be undone.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="saved_views")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    place = models.CharField(max_length=40)
    subject = models.CharField(max_length=40, blank=True)
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=1000)
    is_shared = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "place", "subject", "owner", "name"],
                condition=models.Q(removed_at__isnull=True),
                name="saved_view_name_once",
            )
        ]

    def __str__(self) -> str:
        return self.name
