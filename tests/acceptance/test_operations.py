"""What operators live through: wrong settings, brokers that are away, come back or lie, and the end of a worker.

What cannot work ends at once with one line and exit code 2; what may get better is tried again, visibly.
"""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Producer

from freshmart_streams.engine.clock import now_ms
from freshmart_streams.engine.folder import DataFolder
from freshmart_streams.topics import Topics
from tests.acceptance.site import PREFIX, Sent, Site, Worker, free_port, sleep, worker
from tests.support.kafka import Kafka
from tests.support.log import read
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

STORES = ("0044", "0042", "0048", "0051")  # one on each partition, in their order
SECONDS_TO_END = 10.0
LABEL = "freshmart-engine.json"


@pytest.fixture
def nowhere(tmp_path: Path) -> Site:
    """A site whose broker nobody has started."""
    return Site(f"kafka://127.0.0.1:{free_port()}", tmp_path)


@pytest.fixture
def on_own_kafka(own_kafka: Kafka, tmp_path: Path) -> Site:
    return with_topics(Site(f"kafka://{own_kafka.address}", tmp_path))


def with_topics(site: Site) -> Site:
    """The site with its topics created."""
    created = site.run("topics", "create")
    assert created.returncode == 0, created.stderr
    return site


def refused(site: Site, **settings: str) -> str:
    """The one line with which a worker ends that cannot work; with exit code 2."""
    more = {"FRESHMART_DATA_DIR": str(site.folder / "a"), "FRESHMART_WEB_PORT": str(free_port()), **settings}
    command = [sys.executable, "-m", "freshmart_streams", "worker"]
    environment = site.environment(**more)
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in ended.stderr
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (2, "", 1), ended.stderr
    line: str = json.loads(ended.stderr)["event"] if ended.stderr.startswith("{") else ended.stderr
    return line


class TestWrongSettings:
    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("FRESHMART_WEB_PORT", "70000"),
            ("FRESHMART_WEBPORT", "7000"),
            ("FRESHMART_BROKER", "localhost:9092"),
            ("FRESHMART_TOKENS_FILE", "/nowhere/tokens.json"),
        ],
    )
    def test_is_one_line_that_names_it(self, nowhere: Site, name: str, text: str) -> None:
        assert name in refused(nowhere, **{name: text})

    @pytest.mark.parametrize(
        ("content", "names"),
        [
            (b"{not json", ["FRESHMART_TOKENS_FILE"]),
            (b'{"secret-token": {"roles": ["viewer"], "stores": ["*"]}}', ["FRESHMART_TOKENS_FILE"]),
            (b"short", ["FRESHMART_PEER_KEY_FILE"]),
            (b"no certificate", ["FRESHMART_TLS_CA_FILE"]),
            (b"no certificate", ["FRESHMART_TLS_CERT_FILE", "FRESHMART_TLS_KEY_FILE"]),
            (b"\xff\xfe", ["FRESHMART_SASL_USERNAME_FILE", "FRESHMART_SASL_PASSWORD_FILE"]),
        ],
    )
    def test_is_the_content_of_a_file_too(self, nowhere: Site, content: bytes, names: list[str]) -> None:
        file = nowhere.folder / "file"
        file.write_bytes(content)
        more = {"FRESHMART_SASL_MECHANISM": "PLAIN"} if "SASL" in names[0] else {}
        line = refused(nowhere, **dict.fromkeys(names, str(file)), **more)
        assert names[0] in line
        assert "secret-token" not in line

    def test_is_a_busy_port(self, nowhere: Site) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            line = refused(nowhere, FRESHMART_WEB_PORT=str(port))
        assert line == (
            f"port {port} on 127.0.0.1 cannot be used: Address already in use; choose another with FRESHMART_WEB_PORT"
        )


class TestDataFolders:
    @pytest.mark.parametrize(
        ("label", "says"),
        [
            ({"application": "another", "format": 1}, "belongs to another, not to accept.streams"),
            ({"application": f"{PREFIX}streams", "format": 99}, "has format 99, this version writes 1"),
            (["no", "label"], f"has an unreadable label {LABEL}"),
        ],
    )
    def test_of_somebody_else_are_left_alone(self, nowhere: Site, label: object, says: str) -> None:
        folder = nowhere.folder / "a"
        folder.mkdir()
        (folder / LABEL).write_text(json.dumps(label))
        assert says in refused(nowhere)
        assert json.loads((folder / LABEL).read_text()) == label

    def test_with_something_else_in_them_are_left_alone(self, nowhere: Site) -> None:
        folder = nowhere.folder / "a"
        folder.mkdir()
        (folder / "thesis.doc").write_text("three years of work")
        assert "holds something else (thesis.doc): name an empty one" in refused(nowhere)
        assert [entry.name for entry in folder.iterdir()] == ["thesis.doc"]

    def test_that_are_damaged_are_rebuilt(self, embedded: str, tmp_path: Path) -> None:
        site = Site(f"embedded://{embedded}", tmp_path)
        with worker(site, "a") as running:
            wait_until(running.is_ready)
            open_stores(site)
            site.send(receipts(site, 0, 40))
            wait_until(lambda: counted(running) == 40)
            assert running.stop() == 0
        for manifest in (tmp_path / "a" / "stores" / "1").glob("MANIFEST-*"):
            manifest.write_bytes(b"garbage" * 100)
        with worker(site, "a") as running:
            wait_until(running.is_ready)
            assert "stores/1: the data folder is damaged" in running.log()
            assert "Traceback" not in running.log()
            assert counted(running) == 40
            site.send(receipts(site, 40, 40))
            wait_until(lambda: counted(running) == 80)

    def test_in_use_are_left_alone(self, nowhere: Site) -> None:
        folder = DataFolder(nowhere.folder / "a", f"{PREFIX}streams")
        folder.claim()
        assert "is in use by another process: give each its own" in refused(nowhere)
        folder.release()


class TestBrokersOfTheOtherKind:
    def test_an_embedded_one_is_no_kafka(self, embedded: str, tmp_path: Path) -> None:
        line = refused(Site(f"kafka://{embedded}", tmp_path))
        assert line == f"FRESHMART_BROKER: {embedded} is an embedded broker; write embedded://{embedded}"

    def test_a_kafka_is_no_embedded_one(self, kafka: Kafka, tmp_path: Path) -> None:
        before = set(kafka.admin().list_topics(timeout=10).topics)
        line = refused(Site(f"embedded://{kafka.address}", tmp_path))
        assert "FRESHMART_BROKER" in line
        assert f"write kafka://{kafka.address}" in line
        assert set(kafka.admin().list_topics(timeout=10).topics) == before


class TestTopics:
    def test_that_are_missing_are_named_with_what_to_do(self, kafka: Kafka, tmp_path: Path) -> None:
        line = refused(Site(f"kafka://{kafka.address}", tmp_path), FRESHMART_TOPIC_PREFIX="missing.")
        assert "the broker has no topic missing.sales, missing.inventory" in line
        assert "freshmart topics create" in line

    def test_of_different_partition_counts_are_named_with_their_counts(self, kafka: Kafka, tmp_path: Path) -> None:
        site = Site(f"kafka://{kafka.address}", tmp_path)
        for name in ("sales", "ticks", "journal", "products", "stores", "policies"):
            kafka.create_topic(f"uneven.{name}")
        kafka.create_topic("uneven.inventory", partitions=3)
        line = refused(site, FRESHMART_TOPIC_PREFIX="uneven.")
        assert "the topics of the group stores must have one partition count" in line
        assert "uneven.sales: 4, uneven.inventory: 3" in line

    def test_of_another_partition_count_than_the_changelog_are_refused(self, kafka: Kafka, tmp_path: Path) -> None:
        site = Site(f"kafka://{kafka.address}", tmp_path)
        for name in ("sales", "inventory", "ticks", "journal", "products", "stores", "policies"):
            kafka.create_topic(f"grown.{name}", partitions=2)
        kafka.create_topic("grown.streams-stores-changelog", partitions=1)
        line = refused(site, FRESHMART_TOPIC_PREFIX="grown.")
        assert "the changelog grown.streams-stores-changelog has 1 partitions, the inputs have 2" in line


def receipts(site: Site, first: int, count: int) -> Iterator[Sent]:
    """Receipts of one bottle each, to the stores in turn."""
    for number in range(first, first + count):
        store = STORES[number % len(STORES)]
        sold_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now_ms() // 1000))
        lines = [{"sku": f"10{number % 50}", "quantity": 1, "unit_price": 119}]
        receipt = {"receipt_id": f"r{number}", "store_id": store, "sold_at": sold_at, "lines": lines}
        yield Sent(site.topics.sales.name, store.encode(), json.dumps(receipt).encode())


def open_stores(site: Site) -> None:
    """Register the stores."""
    topic = site.topics.stores.name
    site.send(Sent(topic, store.encode(), json.dumps({"store_id": store}).encode()) for store in STORES)


def counted(running: Worker) -> int:
    """Receipts of the running day of all stores."""
    today = [store["today"] for store in running.get("/v1/stores")["items"]]
    return sum(day["receipts"] for day in today if day is not None)


def reasons(running: Worker) -> list[str]:
    """Why a worker is not ready; empty when it is."""
    try:
        answer = running.ask("/health/ready")
    except OSError:
        return ["not up"]
    if answer.status == 200:
        return []
    assert answer.status == 503
    found: list[str] = answer.json["reasons"]
    return found


def check_nothing_lost(site: Site, sent: int) -> None:
    """The tables are those of the plain fold, and every receipt counts once."""
    folds = site.folds()
    for fold, rows in zip(folds, site.tables(), strict=True):
        assert rows == fold.stored()
    days = [row for fold in folds for (table, _), row in fold.stored().items() if table == "store_days"]
    assert days
    seen = {key for fold in folds for table, key in fold.stored() if table == "seen"}
    assert len(seen) == sent
    assert not [m for found in read(site.bootstrap, site.topics.dead_letters.name).values() for m in found]


def ended_within(running: Worker) -> tuple[int, bool]:
    """The exit code after SIGTERM, and whether it came in time."""
    started = time.monotonic()
    code = running.stop()
    return code, time.monotonic() - started < SECONDS_TO_END


class TestBrokersThatAreAway:
    def test_at_the_start_and_later_are_waited_for_visibly(self, own_kafka: Kafka, on_own_kafka: Site) -> None:
        open_stores(on_own_kafka)
        own_kafka.stop()
        with worker(on_own_kafka, "a") as running:
            wait_until(lambda: running.log().count("cannot be reached") >= 2)
            assert running.ask("/health/live").status == 200
            [reason] = reasons(running)
            assert f"the broker at {own_kafka.address} cannot be reached" in reason
            assert running.ask("/v1/stores").status == 503
            lines = [json.loads(line)["event"] for line in running.log().splitlines()]
            assert len(set(lines)) == 1, "one line each time, and nothing beside it"
            own_kafka.start()
            wait_until(running.is_ready)
            on_own_kafka.send(receipts(on_own_kafka, 0, 8))
            wait_until(lambda: counted(running) == 8)
            own_kafka.kill()  # while nothing happens
            wait_until(lambda: any("does not answer" in reason for reason in reasons(running)), 30)
            assert running.ask("/health/live").status == 200
            assert ended_within(running) == (0, True)
            assert "Traceback" not in running.log()

    def test_do_not_keep_a_worker_from_ending(self, nowhere: Site) -> None:
        with worker(nowhere, "a") as running:
            wait_until(lambda: "cannot be reached" in running.log())
            assert ended_within(running) == (0, True)
            assert "Traceback" not in running.log()

    def test_nor_do_ticks_that_never_arrived(self, own_kafka: Kafka, on_own_kafka: Site) -> None:
        open_stores(on_own_kafka)
        with worker(on_own_kafka, "a", FRESHMART_CLOCK="live") as running:
            wait_until(running.is_ready)
            own_kafka.kill()
            sleep(12)  # there is a tick about every ten seconds
            assert ended_within(running) == (0, True)
            assert "Traceback" not in running.log()

    def test_after_a_crash_are_waited_for_and_nothing_is_lost(self, own_kafka: Kafka, on_own_kafka: Site) -> None:
        site = on_own_kafka
        open_stores(site)
        with worker(site, "a", FRESHMART_CLOCK="live") as running:
            wait_until(running.is_ready)
            site.send(receipts(site, 0, 4_000))
            own_kafka.kill()  # in the middle of them
            pid = running.process.pid
            wait_until(lambda: reasons(running) != [], 30)
            assert running.ask("/health/live").status == 200
            own_kafka.restart()
            site.send(receipts(site, 4_000, 400))
            wait_until(lambda: reasons(running) == [], 60)
            wait_until(site.has_applied_all, 60)
            assert counted(running) == 4_400
            assert running.process.pid == pid
            assert "Traceback" not in running.log()
            assert ended_within(running) == (0, True)
        check_nothing_lost(site, 4_400)


class TestFetches:
    def test_that_fail_are_seen_and_lose_nothing(self, kafka: Kafka, tmp_path: Path) -> None:
        site = with_topics(Site(f"kafka://{kafka.address}", tmp_path, Topics("fetches.")))
        open_stores(site)
        with worker(site, "a") as running:
            wait_until(running.is_ready)
            site.send(receipts(site, 0, 400))
            wait_until(lambda: counted(running) == 400)
            assert running.stop() == 0
        site.send(receipts(site, 400, 400), batch_num_messages=10)  # so that there are some before the broken one
        with ExitStack() as disk:
            disk.enter_context(broken(kafka, site.topics.sales.name, 1, b'"r641"'))
            with worker(site, "a") as running:
                wait_until(lambda: any("CorruptRecord" in reason for reason in reasons(running)), 30)
                wait_until(lambda: running.metric("freshmart_lag_records", 'partition="1"') > 0, 30)
                assert running.ask("/health/live").status == 200
                assert "CorruptRecord" in running.log()
                for first in range(800, 1_200, 100):  # aiokafka forgets what it took out before the error
                    site.send(receipts(site, first, 100))
                wait_until(lambda: counted(running) >= 900 + 100, 30)  # the other partitions go on
                disk.close()  # and it can be read
                wait_until(running.is_ready, 30)
                wait_until(site.has_applied_all)
                assert counted(running) == 1_200
                assert running.metric("freshmart_lag_records") == 0
                assert running.stop() == 0
        check_nothing_lost(site, 1_200)


@contextmanager
def broken(kafka: Kafka, topic: str, partition: int, text: bytes) -> Iterator[None]:
    """One byte on the broker's disk is another for a while, in the message that holds a text."""
    [segment] = (kafka.folder / "log" / f"{topic}-{partition}").glob("*.log")
    place = segment.read_bytes().index(text)
    with segment.open("r+b", buffering=0) as file:
        file.seek(place)
        file.write(b"?")
        try:
            yield
        finally:
            file.seek(place)
            file.write(text[:1])


class TestTheEnd:
    def test_comes_in_time_while_clients_hold_connections(self, embedded: str, tmp_path: Path) -> None:
        site = Site(f"embedded://{embedded}", tmp_path)
        with worker(site, "a") as running:
            wait_until(running.is_ready)
            with (
                socket.create_connection(("127.0.0.1", running.port)) as idle,
                socket.create_connection(("127.0.0.1", running.port)) as half,
                socket.create_connection(("127.0.0.1", running.port)) as quiet,
            ):
                idle.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert idle.recv(15) == b"HTTP/1.1 200 OK"
                half.sendall(b"GET /v1/stores HTTP/1.1\r\nHost: loc")
                assert quiet.fileno() > 0
                assert ended_within(running) == (0, True)
            assert "Traceback" not in running.log()


class TestClientsWithTransactions:
    def test_count_what_they_commit_and_not_what_they_abort(self, kafka: Kafka, tmp_path: Path) -> None:
        site = with_topics(Site(f"kafka://{kafka.address}", tmp_path, Topics("transactions.")))
        stores = [Sent(site.topics.stores.name, s.encode(), json.dumps({"store_id": s}).encode()) for s in STORES]
        in_transaction(site, stores, commit=True)
        in_transaction(site, list(receipts(site, 0, 40)), commit=False)
        in_transaction(site, list(receipts(site, 40, 40)), commit=True)
        with worker(site, "a") as running:
            wait_until(running.is_ready)
            wait_until(lambda: counted(running) == 40, 20)
            in_transaction(site, stores, commit=False)
            in_transaction(site, stores[:1], commit=True)
            in_transaction(site, list(receipts(site, 80, 40)), commit=True)
            wait_until(lambda: counted(running) == 80, 20)
            wait_until(lambda: running.metric("freshmart_lag_records") == 0, 20)
            assert running.stop() == 0
        with worker(site, "a") as running:  # again, with markers at the ends of the topics
            wait_until(running.is_ready)
            site.send(receipts(site, 120, 40))
            wait_until(lambda: counted(running) == 120, 20)
            assert running.stop() == 0


def in_transaction(site: Site, messages: list[Sent], *, commit: bool) -> None:
    """Send messages in one transaction and commit or abort it."""
    producer = Producer(
        {
            "bootstrap.servers": site.bootstrap,
            "partitioner": "murmur2_random",
            "transactional.id": "client",
            "log_level": 0,
        }
    )
    producer.init_transactions(20)
    producer.begin_transaction()
    for message in messages:
        producer.produce(message.topic, message.value, message.key)
    assert producer.flush(20) == 0
    if commit:
        producer.commit_transaction(20)
    else:
        producer.abort_transaction(20)
