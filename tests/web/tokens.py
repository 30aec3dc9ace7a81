"""Tokens files of tests."""

import hashlib
import json
from pathlib import Path


def write_tokens(path: Path, **grants: tuple[list[str], list[str]]) -> Path:
    """A tokens file with these tokens, each with its roles and stores."""
    entries = {
        hashlib.sha256(token.encode()).hexdigest(): {"roles": roles, "stores": stores}
        for token, (roles, stores) in grants.items()
    }
    path.write_text(json.dumps(entries))
    return path


def bearer(token: str) -> dict[str, str]:
    """The header that sends a token."""
    return {"Authorization": f"Bearer {token}"}
