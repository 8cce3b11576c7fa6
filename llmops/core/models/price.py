"""What a model's tokens cost, as known at a time."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class ModelPrice(models.Model):
    """A price in US dollars a million tokens, valid from a moment until the next row for the same model."""

    vendor = models.CharField(max_length=30)
    model = models.CharField(max_length=200)
    input_usd_per_mtok = models.DecimalField(max_digits=14, decimal_places=6)
    output_usd_per_mtok = models.DecimalField(max_digits=14, decimal_places=6)
    cached_input_usd_per_mtok = models.DecimalField(max_digits=14, decimal_places=6, null=True, blank=True)
    valid_from = models.DateTimeField(default=timezone.now)
    source = models.CharField(max_length=120)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["vendor", "model", "valid_from"], name="model_price_once")]

    def __str__(self) -> str:
        return f"{self.vendor}/{self.model} since {self.valid_from:%Y-%m-%d}"
