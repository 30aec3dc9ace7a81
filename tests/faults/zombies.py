"""A zombie on the embedded broker, where only the number of a commit tells the first writer from the second.

The harness of runs.py needs Kafka, and there a fenced worker cannot write. So what `seq` is checked for happens here,
to the toy workers of tests/engine: one freezes with a commit in its hand, another one takes over and goes on, the first
one thaws and writes after all. Whoever reads the changelog then must not take it.
"""

import random
from pathlib import Path
from typing import Final

from tests.engine import processes
from tests.engine.fault_points import Fault
from tests.engine.site import Site, create_topics
from tests.engine.toy import Toy
from tests.faults.cluster import planted_program
from tests.faults.planted_worker import TOY
from tests.support.embedded import embedded_broker
from tests.support.waiting import wait_until

FED: Final = 60
PATIENCE_SECONDS: Final = 20
NOTHING_PLANTED: Final = processes.PROGRAM


def differences(bug: str | None, seed: int, folder: Path) -> list[str]:
    """Let it happen, with a bug or without; what differs in the end."""
    program = NOTHING_PLANTED if bug is None else (*planted_program(bug), TOY)
    found = []
    with embedded_broker() as bootstrap:
        site = Site(bootstrap, "log", folder, Toy("zombies."))
        create_topics(site.bootstrap, site.mode, site.toy)
        try:
            _zombie_writes_after_all(site, program, random.Random(f"zombies {seed}"))
        except AssertionError as error:  # what is found out about it below says more
            found.append(f"progress: {error}")
        try:
            site.check()
        except (AssertionError, LookupError) as error:
            found.append(f"zombie: {error}")
    return found


def _zombie_writes_after_all(site: Site, program: tuple[str, ...], chance: random.Random) -> None:
    fault = Fault("before the batch", chance.randrange(5, 9), how="freeze")
    site.feed(FED, seed=chance.randrange(1_000))
    with processes.worker(site.setup("zombie", fault=fault), program) as zombie:
        with site.feeding(seed=chance.randrange(1_000)):
            wait_until(lambda: zombie.is_frozen)
        with processes.worker(site.setup("owner"), program) as owner:
            site.feed(FED, seed=chance.randrange(1_000))
            wait_until(site.is_done)
            frozen_at = len(zombie.log())
            zombie.thaw()
            wait_until(lambda: "opened toy" in zombie.log()[frozen_at:])  # everybody has read the changelog again
            site.feed(FED, seed=chance.randrange(1_000))
            wait_until(site.is_done, PATIENCE_SECONDS)
            zombie.stop()
            owner.stop()
