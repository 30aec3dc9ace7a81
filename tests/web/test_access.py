"""Who may see what."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from freshmart_streams.web import TokensFileError
from freshmart_streams.web.access import Tokens
from tests.web.conftest import Connect
from tests.web.fakes import Site
from tests.web.tokens import bearer, write_tokens

OPEN = ["/", "/static/app.js", "/openapi.json", "/health/live", "/health/ready"]
CLOSED = [
    "/v1/stores",
    "/v1/stores/0042",
    "/v1/stores/0042/stock",
    "/v1/stores/0042/stock/100234",
    "/v1/stores/0042/report",
    "/v1/company/report",
    "/v1/reorders",
    "/v1/alerts",
    "/v1/dead-letters",
    "/metrics",
    "/table/",
    "/router/",
    "/graph",
    "/nothing",
    "/v1/",
]


class TestToken:
    @pytest.mark.parametrize("path", OPEN)
    async def test_is_not_needed_for_what_holds_no_data(self, connect: Connect, guarded: Site, path: str) -> None:
        client = await connect(guarded)
        assert (await client.get(path)).status == 200

    @pytest.mark.parametrize("path", CLOSED)
    @pytest.mark.parametrize(
        "authorization", [None, "Bearer wrong", "Bearer", "Basic ZXZlcnlvbmU6", "everyone", "Bearer \udce4"]
    )
    async def test_is_needed_for_everything_else(
        self, connect: Connect, guarded: Site, path: str, authorization: str | None
    ) -> None:
        client = await connect(guarded)
        response = await client.get(path, headers={} if authorization is None else {"Authorization": authorization})
        assert response.status == 401
        assert response.headers["WWW-Authenticate"].startswith("Bearer")
        assert (await response.json())["type"] == "urn:freshmart:problem:no-token"

    async def test_of_the_file_itself_is_no_token(self, connect: Connect, guarded: Site) -> None:
        client = await connect(guarded)
        digest = hashlib.sha256(b"everyone").hexdigest()
        assert (await client.get("/v1/stores", headers=bearer(digest))).status == 401

    async def test_does_not_need_the_name_of_this_machine(self, connect: Connect, guarded: Site) -> None:
        client = await connect(guarded)
        response = await client.get("/v1/stores", headers=bearer("everyone") | {"Host": "freshmart.example"})
        assert response.status == 200

    async def test_without_a_role_is_403(self, connect: Connect, guarded: Site) -> None:
        client = await connect(guarded)
        response = await client.get("/v1/stores", headers=bearer("nobody"))
        assert response.status == 403
        assert (await response.json())["type"] == "urn:freshmart:problem:not-your-role"


class TestScope:
    @pytest.mark.parametrize(
        "path",
        [
            "/v1/stores/0043",
            "/v1/stores/0043/stock",
            "/v1/stores/0043/stock/100234",
            "/v1/stores/0043/report",
            "/v1/reorders?store_id=0043",
            "/v1/alerts?store_id=0043",
            "/v1/company/report",
            "/v1/stores/9999",
        ],
    )
    async def test_another_store_is_403_whether_it_exists_or_not(
        self, connect: Connect, guarded: Site, path: str
    ) -> None:
        client = await connect(guarded)
        response = await client.get(path, headers=bearer("bonn"))
        assert response.status == 403
        assert (await response.json())["type"] == "urn:freshmart:problem:not-your-store"

    @pytest.mark.parametrize("path", ["/v1/stores", "/v1/reorders", "/v1/alerts"])
    @pytest.mark.parametrize(("token", "stores"), [("bonn", {"0042"}), ("two", {"0043", "0081"})])
    async def test_lists_hold_rows_of_the_tokens_stores_only(
        self, connect: Connect, guarded: Site, path: str, token: str, stores: set[str]
    ) -> None:
        client = await connect(guarded)
        body = await (await client.get(f"{path}?limit=1000", headers=bearer(token))).json()
        assert {item["store_id"] for item in body["items"]} == stores
        assert body["next"] is None

    async def test_a_cursor_of_another_list_opens_nothing(self, connect: Connect, guarded: Site) -> None:
        client = await connect(guarded)
        cursor = (await (await client.get("/v1/reorders?limit=1", headers=bearer("everyone"))).json())["next"]
        body = await (await client.get(f"/v1/reorders?cursor={cursor}&limit=1000", headers=bearer("bonn"))).json()
        assert {item["store_id"] for item in body["items"]} <= {"0042"}

    @pytest.mark.parametrize(
        ("token", "status"), [("operator", 200), ("everyone", 403), ("bonn_operator", 403), ("bonn", 403)]
    )
    async def test_dead_letters_are_for_operators_of_all_stores(
        self, connect: Connect, guarded: Site, token: str, status: int
    ) -> None:
        client = await connect(guarded)
        assert (await client.get("/v1/dead-letters", headers=bearer(token))).status == status


class TestFile:
    async def test_a_change_is_in_force_at_once(self, connect: Connect, guarded: Site) -> None:
        client = await connect(guarded)
        assert (await client.get("/v1/stores", headers=bearer("everyone"))).status == 200
        assert guarded.tokens_file is not None
        write_tokens(guarded.tokens_file, newcomer=(["viewer"], ["*"]))
        assert (await client.get("/v1/stores", headers=bearer("everyone"))).status == 401
        assert (await client.get("/v1/stores", headers=bearer("newcomer"))).status == 200

    async def test_a_file_that_is_gone_lets_nobody_in_until_it_is_back(self, connect: Connect, guarded: Site) -> None:
        client = await connect(guarded)
        assert guarded.tokens_file is not None
        content = guarded.tokens_file.read_bytes()
        guarded.tokens_file.unlink()
        assert (await client.get("/v1/stores", headers=bearer("everyone"))).status == 401
        guarded.tokens_file.write_bytes(content)
        assert (await client.get("/v1/stores", headers=bearer("everyone"))).status == 200

    def test_a_change_that_cannot_be_read_keeps_the_grants_and_is_reported(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        path = write_tokens(tmp_path / "tokens.json", one=(["viewer"], ["*"]))
        tokens = Tokens(path)
        path.write_text('{"half')
        assert tokens.find("one") is not None
        assert "not used" in caplog.text

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            ("[]", "no JSON object"),
            ("{", "no JSON object"),
            ('{"secret-token": {"roles": [], "stores": []}}', "no SHA-256"),
            (json.dumps({"a" * 64: {"roles": ["king"], "stores": ["*"]}}), "no such role: king"),
            (json.dumps({"a" * 64: {"roles": ["viewer"]}}), "stores"),
            (json.dumps({"a" * 64: {"roles": ["viewer"], "stores": ["*"], "until": 1}}), "until"),
        ],
    )
    def test_an_unusable_file_is_refused_at_the_start(self, tmp_path: Path, content: str, reason: str) -> None:
        path = tmp_path / "tokens.json"
        path.write_text(content)
        with pytest.raises(TokensFileError, match=reason) as refusal:
            Tokens(path)
        assert "secret-token" not in str(refusal.value)

    def test_a_missing_file_is_refused_at_the_start(self, tmp_path: Path) -> None:
        with pytest.raises(TokensFileError, match="does not exist"):
            Tokens(tmp_path / "none.json")

    def test_a_file_of_the_same_time_and_size_is_noticed_by_its_inode(self, tmp_path: Path) -> None:
        path = write_tokens(tmp_path / "tokens.json", one=(["viewer"], ["*"]))
        tokens = Tokens(path)
        other = write_tokens(tmp_path / "other.json", two=(["viewer"], ["*"]))
        status = path.stat()
        os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
        other.rename(path)
        assert tokens.find("one") is None
        assert tokens.find("two") is not None

    def test_digests_may_be_written_in_capitals(self, tmp_path: Path) -> None:
        path = tmp_path / "tokens.json"
        digest = hashlib.sha256(b"one").hexdigest().upper()
        path.write_text(json.dumps({digest: {"roles": ["viewer"], "stores": ["0042"]}}))
        grant = Tokens(path).find("one")
        assert grant is not None
        assert grant.stores == frozenset({"0042"})
