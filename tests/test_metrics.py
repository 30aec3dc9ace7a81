"""What Prometheus reads of a worker."""

from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, generate_latest

from freshmart_streams.metrics import LawsCollector


@dataclass
class Counts:
    """A walk that looked at two laws and found one of them broken twice."""

    checks: dict[str, int] = field(default_factory=lambda: {"day-sums": 40, "units-sold": 0})
    violations: dict[str, int] = field(default_factory=lambda: {"day-sums": 2, "units-sold": 0})


class TestConservation:
    def test_every_law_is_there_from_the_start_and_no_key_is_a_label(self) -> None:
        registry = CollectorRegistry()
        registry.register(LawsCollector(Counts()))
        lines = [line for line in generate_latest(registry).decode().splitlines() if not line.startswith("#")]
        assert lines == [
            'freshmart_conservation_checks_total{law="day-sums"} 40.0',
            'freshmart_conservation_checks_total{law="units-sold"} 0.0',
            'freshmart_conservation_violations_total{law="day-sums"} 2.0',
            'freshmart_conservation_violations_total{law="units-sold"} 0.0',
        ]
