"""What Prometheus reads of a worker."""

from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, generate_latest

from freshmart_streams.domain.service import Service
from freshmart_streams.metrics import LawsCollector, ServiceCollector


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


class TestService:
    def test_stores_are_summed_up_and_what_is_not_known_is_absent(self) -> None:
        one = Service(steps=30, covered=(27, 30), losses=(9.0, 3.0), expected=90.0, sold=80.0, days=60, missing=3_000)
        other = Service(steps=10, covered=(7, 8), losses=(3.0, 1.0), expected=20.0, sold=40.0, days=40, missing=0)
        registry = CollectorRegistry()
        registry.register(ServiceCollector(lambda: {"fast": [one, other], "slow": []}))
        lines = [line for line in generate_latest(registry).decode().splitlines() if not line.startswith("#")]
        assert lines == [
            'freshmart_service_stretches{pace="fast"} 40.0',
            'freshmart_service_stretches{pace="slow"} 0.0',
            'freshmart_service_coverage{pace="fast",quantile="0.9"} 0.85',
            'freshmart_service_coverage{pace="fast",quantile="0.98"} 0.95',
            'freshmart_service_pinball_loss{pace="fast",quantile="0.9"} 0.1',
            'freshmart_service_pinball_loss{pace="fast",quantile="0.98"} 0.03333333333333333',
            'freshmart_service_on_shelf{pace="fast"} 0.97',
        ]
