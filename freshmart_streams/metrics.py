"""What Prometheus is told: the counters of engine and conservation, read when it asks. Nothing is counted twice."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from freshmart_streams.domain.service import QUANTILES, Service, on_shelf
from freshmart_streams.engine.partitions import Partition
from freshmart_streams.engine.worker import Engine

LABELS = ["group", "partition"]
_COUNTERS = {
    "records": ("freshmart_records", "Records of the inputs that were applied."),
    "commits": ("freshmart_commits", "Commits."),
    "rows": ("freshmart_rows", "Rows written by commits."),
    "poison": ("freshmart_poison", "Records and due work that no handler could take."),
    "failures": ("freshmart_failures", "Times that a partition had to be opened again."),
    "commit_seconds": ("freshmart_commit_seconds", "Seconds that commits took."),
}


class EngineCollector(Collector):
    """Reads the counters of this worker's partitions."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def collect(self) -> Iterable[Metric]:
        """All metrics, with their values as they are now."""
        partitions = list(self._engine.partitions.values())
        yield self._gauge("freshmart_lag_records", "Records that are known and not applied yet.", partitions, "lag")
        yield self._gauge(
            "freshmart_partition_live", "1 where this worker is at work on a partition.", partitions, "live"
        )
        for attribute, (name, text) in _COUNTERS.items():
            family = CounterMetricFamily(name, text, labels=LABELS)
            for partition in partitions:
                family.add_metric(_labels(partition), float(getattr(partition.counters, attribute)))
            yield family
        yield self._published(partitions)

    def _gauge(self, name: str, text: str, partitions: list[Partition], attribute: str) -> Metric:
        family = GaugeMetricFamily(name, text, labels=LABELS)
        for partition in partitions:
            family.add_metric(_labels(partition), float(getattr(partition, attribute)))
        return family

    def _published(self, partitions: list[Partition]) -> Metric:
        family = CounterMetricFamily("freshmart_published", "Messages published.", labels=[*LABELS, "topic"])
        for partition in partitions:
            for topic, count in partition.counters.published.items():
                family.add_metric([*_labels(partition), topic], float(count))
        return family


def _labels(partition: Partition) -> list[str]:
    return [partition.group.name, str(partition.number)]


class Laws(Protocol):
    """How often each law of conservation was looked at, and found broken."""

    checks: dict[str, int]
    violations: dict[str, int]


class LawsCollector(Collector):
    """Reads the counters of the walk over this worker's rows."""

    def __init__(self, laws: Laws) -> None:
        self._laws = laws

    def collect(self) -> Iterable[Metric]:
        """Both metrics by law, also of laws that were not looked at yet."""
        yield self._counter("freshmart_conservation_checks", "Looks at a law of conservation.", self._laws.checks)
        text = "Looks that found a law of conservation broken. Not zero: see docs/operations.md."
        yield self._counter("freshmart_conservation_violations", text, self._laws.violations)

    def _counter(self, name: str, text: str, counts: Mapping[str, int]) -> Metric:
        family = CounterMetricFamily(name, text, labels=["law"])
        for law, count in counts.items():
            family.add_metric([law], float(count))
        return family


class ServiceCollector(Collector):
    """Sums up how articles were served, over the stores of this worker, by how fast they sell."""

    def __init__(self, rows: Callable[[], Mapping[str, Sequence[Service]]]) -> None:
        self._rows = rows

    def collect(self) -> Iterable[Metric]:
        """Gauges, for old days count less and less."""
        stretches = GaugeMetricFamily(
            "freshmart_service_stretches", "Stretches of days compared with what was expected.", labels=["pace"]
        )
        covered = GaugeMetricFamily(
            "freshmart_service_coverage",
            "Share of stretches of days within the quantile.",
            labels=["pace", "quantile"],
        )
        loss = GaugeMetricFamily(
            "freshmart_service_pinball_loss",
            "Mean pinball loss over mean sales.",
            labels=["pace", "quantile"],
        )
        shelf = GaugeMetricFamily(
            "freshmart_service_on_shelf",
            "Share of the opening time during which articles could be bought.",
            labels=["pace"],
        )
        for pace, rows in self._rows().items():
            steps, sold = sum(row.steps for row in rows), sum(row.sold for row in rows)
            stretches.add_metric([pace], float(steps))
            for place, quantile in enumerate(QUANTILES):
                if steps:
                    share = sum(row.covered[place] for row in rows) / steps
                    covered.add_metric([pace, f"{quantile:g}"], share)
                if sold:
                    loss.add_metric([pace, f"{quantile:g}"], sum(row.losses[place] for row in rows) / sold)
            if (there := on_shelf(rows)) is not None:
                shelf.add_metric([pace], there)
        yield from (stretches, covered, loss, shelf)


class Metrics:
    """The registry of one worker."""

    def __init__(self, engine: Engine, laws: Laws, service: Callable[[], Mapping[str, Sequence[Service]]]) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(EngineCollector(engine))
        self._registry.register(LawsCollector(laws))
        self._registry.register(ServiceCollector(service))
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)

    def text(self) -> bytes:
        """Everything in Prometheus's text format."""
        return generate_latest(self._registry)
