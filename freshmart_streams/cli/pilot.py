"""`freshmart pilot`: a store in shadow mode beside what our orders would have led to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from freshmart_streams.cli.console import print_json, print_table, say
from freshmart_streams.cli.errors import CommandError, WrongUsageError

_TIMEOUT_SECONDS: Final = 10
_ROWS: Final = (
    ("stock, mean per article", "stock"),
    ("came by orders", "brought"),
    ("could not be sold", "lost"),
    ("expired", "wasted"),
)


def command(
    store: Annotated[str, typer.Argument(help="Its id, for example 0042.")],
    url: Annotated[
        str | None, typer.Option(help="Address of any worker; default: this machine's, with FRESHMART_WEB_PORT.")
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(help="A file that holds a token, where the workers ask for one.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Show how a store in shadow mode did, and how it would have done with our orders.

    A store whose rollout says `"reorder": "shadow"` goes on ordering as it does; beside that a trial stock follows our
    orders. Amounts are at cost. The same is under /v1/stores/STORE/pilot.

    Example: `freshmart pilot 0042 --url http://localhost:6066`
    """
    shown = _ask(f"{(url or _own_url()).rstrip('/')}/v1/stores/{store}/pilot", token_file)
    if json:
        print_json(shown)
        return
    rows = [(title, *_beside(shown["store"][name], shown["trial"][name])) for title, name in _ROWS]
    print_table(["", "store", "trial", "difference"], rows, empty="")
    ended = f"until {shown['until']}" if shown["until"] else "and goes on"
    missing = "–" if shown["out_of_stock"] is None else f"{shown['out_of_stock']:.1%}"
    say(f"{shown['article_days']:,} days of articles since {shown['since']}, {ended}; {shown['orders']:,} orders")
    say(f"articles were out of stock for {missing} of the opening time")


def _beside(store: float | None, trial: float | None) -> tuple[str, str, str]:
    if store is None or trial is None:
        return "–", "–", "–"
    more = f"{trial / store - 1:+.1%}" if store else "–"
    return f"{store / 100:,.2f}", f"{trial / 100:,.2f}", more


def _ask(url: str, token_file: Path | None) -> Any:
    """The answer of a worker. Raises: CommandError: there is none."""
    import json
    import urllib.error
    import urllib.request

    if not url.startswith(("http://", "https://")):
        raise WrongUsageError(f"--url begins with http:// or https://: {url}")
    headers = {} if token_file is None else {"Authorization": f"Bearer {_token(token_file)}"}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=_TIMEOUT_SECONDS) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            raise CommandError(f"{url}: {_problem(error.read()) or error.reason}") from None
    except (OSError, ValueError) as error:
        raise CommandError(f"no worker answers at {url}: {getattr(error, 'reason', error)}") from None


def _problem(body: bytes) -> str:
    """What an answer of the type problem+json says."""
    import json

    try:
        found = json.loads(body)
        return str(found.get("detail") or found.get("title") or "")
    except (ValueError, AttributeError):
        return ""


def _token(file: Path) -> str:
    try:
        return file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUsageError(f"--token-file {file} cannot be read: {error}") from error


def _own_url() -> str:
    from freshmart_streams.settings import SettingError, Settings

    try:
        return f"http://127.0.0.1:{Settings.from_environment().web_port}"
    except SettingError as error:
        raise WrongUsageError(str(error)) from error
