"""`freshmart token create`: a bearer token for the HTTP interface; only its SHA-256 is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from freshmart_streams.cli.console import print_json, say
from freshmart_streams.cli.errors import CommandError, WrongUsageError

app = typer.Typer(no_args_is_help=True, help="Make tokens for the HTTP interface and the dashboard.")

ROLES: Final = ("viewer", "planner", "pricing", "privacy-officer", "operator")

_TOKEN_BYTES: Final = 32


@app.callback()
def group() -> None:
    """Make tokens for the HTTP interface and the dashboard."""


@app.command()
def create(
    file: Annotated[
        Path, typer.Option("--file", envvar="FRESHMART_TOKENS_FILE", help="The tokens file; made where it is missing.")
    ],
    roles: Annotated[str, typer.Option(help=f"Roles, separated by commas: {', '.join(ROLES)}.")] = "viewer",
    stores: Annotated[str, typer.Option(help="Store ids, separated by commas, or * for all.")] = "*",
    url: Annotated[
        str | None, typer.Option(help="Address of the dashboard, for the link; default: this machine's port.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print token and link as JSON.")] = False,
) -> None:
    """Make a token, add it to the tokens file and print it once, with the link that opens the dashboard.

    The file holds no token, only its SHA-256, roles and stores. Running workers that know the file take the
    new token in without a restart.

    For example:

    - `freshmart token create --file tokens.json`

    - `freshmart token create --file tokens.json --roles viewer,planner --stores 0042,0107`
    """
    import hashlib
    import secrets

    entry = {"roles": _roles(roles), "stores": _stores(stores)}
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    add_entry(file, hashlib.sha256(token.encode()).hexdigest(), entry)
    link = f"{(url or _own_url()).rstrip('/')}/#token={token}"
    if json:
        print_json({"token": token, "link": link, **entry})
    else:
        print(token)
        print(link)
        say(f"added to {file}; the token is shown this once")


def add_entry(file: Path, digest: str, entry: dict[str, list[str]]) -> None:
    """Add one entry to a tokens file, atomically and under a lock, so that two at once lose nothing.

    The file is readable by its owner only; a file that others may read keeps its mode, since somebody chose it.
    """
    import fcntl
    import json
    import os

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.with_name(file.name + ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            entries = _entries(file)
            mode = file.stat().st_mode & 0o777 if file.exists() else 0o600
            temporary = file.with_name(f".{file.name}.new")
            temporary.unlink(missing_ok=True)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as target:
                json.dump({**entries, digest: entry}, target, indent=2)
                target.write("\n")
                target.flush()
                os.fchmod(target.fileno(), mode)
                os.fsync(target.fileno())
            temporary.replace(file)
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror or error}") from error


def _entries(file: Path) -> dict[str, object]:
    import json

    if not file.exists():
        return {}
    try:
        entries = json.loads(file.read_text())
    except ValueError as error:
        raise WrongUsageError(f"{file}: not JSON ({error}); nothing was changed") from error
    if not isinstance(entries, dict):
        raise WrongUsageError(f"{file}: not a JSON object; nothing was changed")
    return entries


def _roles(text: str) -> list[str]:
    roles = [role.strip() for role in text.split(",") if role.strip()]
    unknown = [role for role in roles if role not in ROLES]
    if unknown or not roles:
        raise WrongUsageError(f"--roles: {', '.join(unknown) or 'none'} is no role; roles are {', '.join(ROLES)}")
    return roles


def _stores(text: str) -> list[str]:
    from freshmart_streams.domain.identifiers import is_id

    stores = [store.strip() for store in text.split(",") if store.strip()]
    if not stores or not all(store == "*" or is_id(store) for store in stores):
        raise WrongUsageError("--stores: expected store ids separated by commas, or *")
    return stores


def _own_url() -> str:
    from freshmart_streams.settings import SettingError, Settings

    try:
        port = Settings.from_environment().web_port
    except SettingError:  # of something that this command does not need
        port = Settings().web_port
    return f"http://localhost:{port}"
