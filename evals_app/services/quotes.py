"""What a run will take, before it starts: calls, cost, time."""

from __future__ import annotations
