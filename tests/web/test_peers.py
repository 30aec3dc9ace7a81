"""Several workers: any of them answers for any store, signed, without loops, and says when it cannot."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from freshmart_streams.web import PeerKeyError, signatures
from freshmart_streams.web.access import EVERYTHING, Grant, Tokens
from tests.web import shop
from tests.web.fakes import NOW, PARTITIONS, Site, Worker
from tests.web.tokens import bearer, write_tokens

TARGET = "/v1/stores/0042?lang=de"
KEY = b"0123456789abcdef"
SCOPED = Grant(frozenset({"viewer", "planner"}), frozenset({"0042", "0043"}))


def headers(**changes: object) -> dict[str, str]:
    """The headers of a signed request, with what a test changes."""
    arguments: dict[str, object] = {"method": "GET", "target": TARGET, "grant": SCOPED, "now": NOW, **changes}
    return signatures.sign(KEY, **arguments)  # type: ignore[arg-type]


def verified(sent: dict[str, str], *, key: bytes = KEY, now: float = NOW, target: str = TARGET) -> Grant | None:
    return signatures.verify(key, method="GET", target=target, headers=sent, now=now)


class TestSignature:
    def test_gives_back_roles_and_stores(self) -> None:
        assert verified(headers()) == SCOPED
        assert verified(headers(grant=EVERYTHING)) == EVERYTHING

    @pytest.mark.parametrize(
        "sent",
        [
            headers(method="POST"),
            headers(target="/v1/stores/0043?lang=de"),
            headers(target="/v1/stores/0042?lang=en"),
            headers(target="/v1/stores/0042"),
            headers() | {signatures.ROLES: "operator"},
            headers() | {signatures.STORES: "*"},
            headers() | {signatures.STORES: "0042,0043,0044"},
            headers() | {signatures.EXPIRES: str(int(NOW) + 29)},
            headers() | {signatures.SIGNATURE: "0" * 64},
            headers() | {signatures.SIGNATURE: "ü"},
            headers() | {signatures.EXPIRES: "soon"},
            {name: value for name, value in headers().items() if name != signatures.EXPIRES},
            {},
        ],
    )
    def test_holds_for_nothing_else(self, sent: dict[str, str]) -> None:
        assert verified(sent) is None

    def test_holds_for_another_key_not(self) -> None:
        assert verified(headers(), key=b"another key here") is None

    @pytest.mark.parametrize(("seconds", "holds"), [(0, True), (15, True), (16, False), (-15, True), (-16, False)])
    def test_expires_and_is_not_longer_than_it_may_be(self, seconds: int, holds: bool) -> None:
        assert (verified(headers(), now=NOW + seconds) is not None) == holds

    def test_key_is_derived_from_the_grants_and_not_from_how_the_file_is_written(self, tmp_path: Path) -> None:
        one = write_tokens(tmp_path / "one.json", a=(["viewer"], ["*"]), b=(["operator"], ["0042"]))
        other = write_tokens(tmp_path / "other.json", b=(["operator"], ["0042"]), a=(["viewer"], ["*"]))
        more = write_tokens(tmp_path / "more.json", a=(["viewer"], ["*"]))
        keys = [signatures.derive_key(Tokens(path)) for path in (one, other, more)]
        assert keys[0] == keys[1] != keys[2]
        assert len(keys[0]) == 32

    @pytest.mark.parametrize("content", [b"", b"   short   \n"])
    def test_key_file_must_hold_enough(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "key").write_bytes(content)
        with pytest.raises(PeerKeyError, match="16 or more"):
            signatures.read_key(tmp_path / "key")

    def test_key_file_must_be_there(self, tmp_path: Path) -> None:
        with pytest.raises(PeerKeyError, match="cannot be read"):
            signatures.read_key(tmp_path / "none")


@dataclass
class Pair:
    """Two workers on the same rows; `here` does not own the store 0042, `there` does."""

    here: Site
    there: Site
    here_client: TestClient[web.Request, web.Application]
    there_client: TestClient[web.Request, web.Application]
    there_server: TestServer
    seen: list[web.Request]

    @property
    def worker(self) -> Worker:
        assert self.here.worker is not None
        return self.here.worker


Start = Callable[..., "AsyncIterator[Pair]"]


async def start(tokens_file: Path | None, peer_key_file: Path | None = None, skew: float = 0.0) -> Pair:
    here = shop.fill(Site(tokens_file=tokens_file, peer_key_file=peer_key_file))
    there = Site(rows=here.rows, company=here.company, tokens_file=tokens_file, peer_key_file=peer_key_file)
    there.now += skew
    partition = Worker(here.rows.partitions).partition_for("0042")
    theirs = frozenset({partition, (partition + 1) % PARTITIONS})
    here.worker = Worker(here.rows.partitions, owned=frozenset(range(PARTITIONS)) - theirs)
    there.worker = Worker(here.rows.partitions, owned=theirs)
    seen: list[web.Request] = []

    @web.middleware
    async def watch(request: web.Request, handler: object) -> web.StreamResponse:
        seen.append(request)
        return await handler(request)  # type: ignore[operator, no-any-return]

    application = there.application()
    application.middlewares.insert(0, watch)
    there_server, here_server = TestServer(application), TestServer(here.application())
    here_client, there_client = TestClient(here_server), TestClient(there_server)
    await there_client.start_server()
    await here_client.start_server()
    for number in range(PARTITIONS):
        owner = there_server if number in theirs else here_server
        url = str(owner.make_url("/"))
        here.worker.owners[number] = there.worker.owners[number] = url
    return Pair(here, there, here_client, there_client, there_server, seen)


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    tokens_file = write_tokens(
        tmp_path / "tokens.json",
        everyone=(["viewer"], ["*"]),
        bonn=(["viewer"], ["0042"]),
        operator=(["operator"], ["*"]),
    )
    made = await start(tokens_file)
    yield made
    await made.here_client.close()
    await made.there_client.close()


class TestForwarding:
    @pytest.mark.parametrize(
        "path",
        [
            "/v1/stores/0042",
            "/v1/stores/0042/stock?category=dairy&status=ok,low&limit=2",
            "/v1/stores/0042/stock/100234",
            "/v1/stores/0042/report?day=2024-10-08",
            "/v1/reorders?store_id=0042",
            "/v1/alerts?store_id=0042",
        ],
    )
    async def test_answers_exactly_as_the_owner_does(self, pair: Pair, path: str) -> None:
        here = await pair.here_client.get(path, headers=bearer("everyone"))
        there = await pair.there_client.get(path, headers=bearer("everyone"))
        assert here.status == there.status == 200
        assert await here.read() == await there.read()
        for name in ("ETag", "Freshmart-As-Of", "Cache-Control", "Content-Type", "Link"):
            assert here.headers.get(name) == there.headers.get(name)

    async def test_passes_304_and_head_through(self, pair: Pair) -> None:
        first = await pair.here_client.get("/v1/stores/0042", headers=bearer("everyone"))
        again = await pair.here_client.get(
            "/v1/stores/0042", headers=bearer("everyone") | {"If-None-Match": first.headers["ETag"]}
        )
        assert again.status == 304
        head = await pair.here_client.head("/v1/stores/0042", headers=bearer("everyone"))
        assert head.status == 200
        assert head.headers["ETag"] == first.headers["ETag"]

    async def test_passes_404_on_in_the_clients_language(self, pair: Pair) -> None:
        response = await pair.here_client.get(
            "/v1/stores/0042/stock/none", headers=bearer("everyone") | {"Accept-Language": "de"}
        )
        assert response.status == 404
        assert (await response.json())["title"] == "Hier gibt es nichts"

    async def test_sends_neither_token_nor_cookie_nor_anything_not_allowed(self, pair: Pair) -> None:
        await pair.here_client.get(
            "/v1/stores/0042", headers=bearer("everyone") | {"Cookie": "a=b", "X-Forwarded-For": "10.0.0.1"}
        )
        (request,) = pair.seen
        assert not {"Authorization", "Cookie", "X-Forwarded-For"} & set(request.headers)
        assert signatures.SIGNATURE in request.headers

    async def test_checks_token_and_scope_before_anything_is_sent(self, pair: Pair) -> None:
        assert (await pair.here_client.get("/v1/stores/0042")).status == 401
        # 0043 lies in a partition of the other worker or not: in both cases the token decides first.
        assert (await pair.here_client.get("/v1/stores/0043", headers=bearer("bonn"))).status == 403
        assert pair.seen == []

    async def test_list_is_merged_over_the_workers(self, pair: Pair) -> None:
        whole = await pair.here_client.get("/v1/reorders?limit=1000", headers=bearer("everyone"))
        other = await pair.there_client.get("/v1/reorders?limit=1000", headers=bearer("everyone"))
        assert await whole.read() == await other.read()
        items = (await whole.json())["items"]
        decided = [item["ordered_at"] for item in items]  # all in one zone: the texts compare as the times do
        assert decided == sorted(decided, reverse=True)
        assert {item["store_id"] for item in items} == {store.store_id for store in shop.STORES}
        assert whole.headers["Freshmart-As-Of"] == other.headers["Freshmart-As-Of"]

    async def test_list_goes_on_with_the_cursor_of_another_worker(self, pair: Pair) -> None:
        whole = await (await pair.here_client.get("/v1/reorders?limit=1000", headers=bearer("everyone"))).json()
        found, cursor, clients = [], "", [pair.here_client, pair.there_client]
        for turn in range(100):
            body = await (
                await clients[turn % 2].get(
                    f"/v1/reorders?limit=7{'&cursor=' + cursor if cursor else ''}", headers=bearer("everyone")
                )
            ).json()
            found.extend(body["items"])
            cursor = body["next"]
            if not cursor:
                break
        assert found == whole["items"]

    async def test_list_of_a_scoped_token_asks_only_where_its_stores_are(self, pair: Pair) -> None:
        body = await (await pair.here_client.get("/v1/alerts", headers=bearer("bonn"))).json()
        assert {item["store_id"] for item in body["items"]} == {"0042"}
        assert [request.headers[signatures.STORES] for request in pair.seen] == ["0042"]

    async def test_a_pair_without_tokens_asks_plainly(self) -> None:
        made = await start(None)
        try:
            assert (await made.here_client.get("/v1/stores/0042")).status == 200
            assert len((await (await made.here_client.get("/v1/stores")).json())["items"]) == len(shop.STORES)
            assert all(signatures.SIGNATURE not in request.headers for request in made.seen)
        finally:
            await made.here_client.close()
            await made.there_client.close()

    async def test_key_file_goes_before_the_tokens_file(self, tmp_path: Path) -> None:
        (tmp_path / "key").write_bytes(KEY + b"\n")
        tokens_file = write_tokens(tmp_path / "tokens.json", everyone=(["viewer"], ["*"]))
        made = await start(tokens_file, tmp_path / "key")
        try:
            assert (await made.here_client.get("/v1/stores/0042", headers=bearer("everyone"))).status == 200
            sent = dict(made.seen[0].headers)
            assert signatures.verify(KEY, method="GET", target="/v1/stores/0042", headers=sent, now=NOW) == Grant(
                frozenset({"viewer"}), None
            )
        finally:
            await made.here_client.close()
            await made.there_client.close()


class TestOwner:
    async def test_takes_no_mark_without_a_signature(self, pair: Pair) -> None:
        response = await pair.there_client.get("/v1/stores/0042", headers={"Freshmart-Forwarded": "1"})
        assert response.status == 401

    async def test_takes_no_signature_that_does_not_hold_even_with_a_token(self, pair: Pair) -> None:
        sent = headers(target="/v1/stores/0042")
        response = await pair.there_client.get("/v1/stores/0042", headers=sent | bearer("everyone"))
        assert response.status == 401

    async def test_keeps_to_the_scope_that_was_signed(self, pair: Pair) -> None:
        assert pair.here.tokens_file is not None
        key = signatures.derive_key(Tokens(pair.here.tokens_file))
        grant = Grant(frozenset({"viewer"}), frozenset({"0042"}))
        for path, status in [("/v1/stores/0042", 200), ("/v1/stores/0043", 403), ("/v1/dead-letters", 403)]:
            sent = signatures.sign(key, method="GET", target=path, grant=grant, now=NOW)
            assert (await pair.there_client.get(path, headers=sent)).status == status

    async def test_never_forwards_what_was_forwarded(self, pair: Pair) -> None:
        # Each believes that the other one owns the partition.
        assert pair.there.worker is not None
        pair.there.worker.owned = frozenset()
        for number in range(PARTITIONS):
            pair.there.worker.owners[number] = str(pair.here_client.make_url("/"))
        response = await pair.here_client.get("/v1/stores/0042", headers=bearer("everyone"))
        assert response.status == 503
        assert len(pair.seen) == 1
        pair.seen.clear()
        assert (await pair.here_client.get("/v1/stores", headers=bearer("everyone"))).status == 503
        assert len(pair.seen) == 1

    async def test_with_another_key_is_503_and_not_the_clients_fault(self, tmp_path: Path) -> None:
        tokens_file = write_tokens(tmp_path / "tokens.json", everyone=(["viewer"], ["*"]))
        made = await start(tokens_file, skew=-3600.0)
        try:
            response = await made.here_client.get("/v1/stores/0042", headers=bearer("everyone"))
            assert response.status == 503
            assert response.headers["Retry-After"]
            assert "WWW-Authenticate" not in response.headers
        finally:
            await made.here_client.close()
            await made.there_client.close()


class TestUnavailable:
    @pytest.mark.parametrize("path", ["/v1/stores/0042", "/v1/stores/0042/stock", "/v1/stores"])
    async def test_unknown_owner_is_503(self, pair: Pair, path: str) -> None:
        pair.worker.owners.clear()
        response = await pair.here_client.get(path, headers=bearer("everyone"))
        assert response.status == 503
        assert int(response.headers["Retry-After"]) >= 1

    @pytest.mark.parametrize("path", ["/v1/stores/0042", "/v1/stores/0042/stock", "/v1/stores"])
    async def test_unreachable_owner_is_503(self, pair: Pair, path: str) -> None:
        await pair.there_server.close()
        response = await pair.here_client.get(path, headers=bearer("everyone"))
        assert response.status == 503
        assert int(response.headers["Retry-After"]) >= 1

    @pytest.mark.parametrize("path", ["/v1/stores/0042", "/v1/stores/0042/stock", "/v1/stores", "/v1/alerts"])
    async def test_standby_answers_and_says_so(self, pair: Pair, path: str) -> None:
        fresh = await (await pair.here_client.get(path, headers=bearer("everyone"))).json()
        assert "stale" not in fresh
        pair.worker.standby = frozenset(range(PARTITIONS))
        await pair.there_server.close()
        stale = await (await pair.here_client.get(path, headers=bearer("everyone"))).json()
        assert stale.pop("stale") is True
        assert stale == fresh

    async def test_before_the_group_is_known_is_503(self, pair: Pair) -> None:
        pair.worker.partition_count = 0
        for path in ("/v1/stores", "/v1/stores/0042"):
            assert (await pair.here_client.get(path, headers=bearer("everyone"))).status == 503
