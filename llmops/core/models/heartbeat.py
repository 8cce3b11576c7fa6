"""Signs of life of the processes behind the pages."""

from __future__ import annotations

from django.db import models


class Heartbeat(models.Model):
    """When a kind of process was last heard of, by the database's clock."""

    name = models.CharField(max_length=40, primary_key=True)
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} at {self.seen_at}"
