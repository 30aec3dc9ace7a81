"""`token create` prints a token once and keeps only its SHA-256."""

import hashlib
import json
import stat
from pathlib import Path

import pytest

from tests.cli.conftest import Freshmart


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


class TestCreate:
    def test_prints_token_and_link_and_keeps_the_sum(self, freshmart: Freshmart, tmp_path: Path) -> None:
        path = tmp_path / "deep" / "tokens.json"
        ended = freshmart("token", "create", "--file", str(path), "--roles", "viewer, planner", "--stores", "0042,7")
        token, link = ended.out.splitlines()
        assert ended.code == 0
        assert link == f"http://localhost:6066/#token={token}"
        assert len(token) >= 43
        expected = {
            hashlib.sha256(token.encode()).hexdigest(): {"roles": ["viewer", "planner"], "stores": ["0042", "7"]}
        }
        assert json.loads(path.read_text()) == expected
        assert token not in path.read_text()
        assert mode(path) == 0o600

    def test_adds_to_what_is_there_and_leaves_nothing_else_behind(self, freshmart: Freshmart, tmp_path: Path) -> None:
        path = tmp_path / "tokens.json"
        path.write_text('{"abc": {"roles": ["operator"], "stores": ["*"]}}')
        path.chmod(0o640)
        for _ in range(2):
            assert freshmart("token", "create", "--file", str(path)).code == 0
        entries = json.loads(path.read_text())
        assert entries.pop("abc") == {"roles": ["operator"], "stores": ["*"]}
        assert list(entries.values()) == [{"roles": ["viewer"], "stores": ["*"]}] * 2
        assert mode(path) == 0o640
        assert {one.name for one in tmp_path.iterdir()} == {"tokens.json", "tokens.json.lock"}

    def test_takes_file_and_port_from_the_settings(
        self, freshmart: Freshmart, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "tokens.json"
        monkeypatch.setenv("FRESHMART_TOKENS_FILE", str(path))
        monkeypatch.setenv("FRESHMART_WEB_PORT", "7000")
        made = json.loads(freshmart("token", "create", "--json").out)
        assert made["link"] == f"http://localhost:7000/#token={made['token']}"
        assert len(json.loads(path.read_text())) == 1

    def test_links_to_the_address_that_is_given(self, freshmart: Freshmart, tmp_path: Path) -> None:
        made = freshmart("token", "create", "--file", str(tmp_path / "t"), "--url", "https://shop.example/", "--json")
        assert json.loads(made.out)["link"].startswith("https://shop.example/#token=")

    @pytest.mark.parametrize(
        ("arguments", "reason"),
        [
            (("--roles", "king"), "--roles: king is no role; roles are viewer, planner"),
            (("--roles", ","), "--roles: none is no role"),
            (("--stores", "a b"), "--stores: expected store ids"),
            (("--stores", ""), "--stores: expected store ids"),
        ],
    )
    def test_takes_known_roles_and_possible_stores_only(
        self, freshmart: Freshmart, tmp_path: Path, arguments: tuple[str, ...], reason: str
    ) -> None:
        path = tmp_path / "tokens.json"
        ended = freshmart("token", "create", "--file", str(path), *arguments)
        assert (ended.code, ended.out) == (2, "")
        assert ended.err.startswith(f"freshmart: {reason}")
        assert not path.exists()

    @pytest.mark.parametrize("content", ["{broken", "[]"])
    def test_changes_no_file_that_is_something_else(self, freshmart: Freshmart, tmp_path: Path, content: str) -> None:
        path = tmp_path / "tokens.json"
        path.write_text(content)
        ended = freshmart("token", "create", "--file", str(path))
        assert (ended.code, ended.out, path.read_text()) == (2, "", content)
        assert "nothing was changed" in ended.err

    def test_tells_a_folder_that_cannot_be_made(self, freshmart: Freshmart, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        ended = freshmart("token", "create", "--file", str(tmp_path / "file" / "tokens.json"))
        assert (ended.code, ended.out, ended.err.count("\n")) == (1, "", 1)
