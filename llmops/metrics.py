"""What /metrics tells: requests as each process counts them, and figures that apps read from rows.

Apps register from `AppConfig.ready()`; the function is called for every scrape, inside a transaction that may only
read and that ends after a few seconds, so it must be cheap whatever the tables hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

RowsReader = Callable[[], Iterable[Metric]]

REQUESTS = Counter(
    "llmops_http_requests", "Requests answered, by address, method and status.", ["route", "method", "status"]
)
SECONDS = Histogram(
    "llmops_http_request_seconds",
    "How long answers took, until their first byte.",
    ["route"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.15, 0.3, 0.5, 1, 2.5, 5, 10, 30),
)

_readers: list[RowsReader] = []


def register_metrics(reader: RowsReader) -> None:
    """Have the figures of `reader` told with the others."""
    if reader not in _readers:
        _readers.append(reader)


def gauge(name: str, text: str, samples: dict[tuple[str, ...], float], labels: tuple[str, ...] = ()) -> Metric:
    """A figure read from rows: one sample for each tuple of label values."""
    family = GaugeMetricFamily(f"llmops_{name}", text, labels=labels)
    for values, number in samples.items():
        family.add_metric(values, number)
    return family


class RowsCollector(Collector):
    """All registered figures. `read` runs one reader, with what patience the caller has; None when it could not."""

    def __init__(self, read: Callable[[RowsReader], Iterable[Metric] | None]) -> None:
        self._read = read

    def collect(self) -> Iterator[Metric]:
        could: dict[tuple[str, ...], float] = {}
        for reader in _readers:
            found = self._read(reader)
            could[(reader.__name__,)] = float(found is not None)
            yield from found or ()
        yield gauge("rows_up", "Whether figures could be read from the database.", could, ("figures",))
