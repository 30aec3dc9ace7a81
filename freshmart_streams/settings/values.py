"""The forms that settings have: numbers, words, files, addresses. Each says what it expects."""

import base64
import ipaddress
import re
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit

from freshmart_streams.settings.forms import Form

S = TypeVar("S", bound=StrEnum)

PORT_MAX: Final = 65_535
KEY_BYTES: Final = 32
_HOST: Final = r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]+\])"
_ADDRESS: Final = re.compile(rf"{_HOST}:([0-9]{{1,5}})")
_PREFIX: Final = re.compile(r"[A-Za-z0-9._-]{1,100}")


def whole(low: int, high: int, unit: str = "") -> Form[int]:
    """A whole number in a range."""

    def read(text: str) -> int:
        # int() would also take signs, spaces, underscores and other scripts' digits.
        if not (text.isascii() and text.isdigit() and len(text) <= len(str(high)) and low <= int(text) <= high):
            raise ValueError
        return int(text)

    return Form(f"a whole number from {low} to {high:,}{unit and f' ({unit})'}", read)


def one_of(names: type[S]) -> Form[S]:
    """One of a few words."""
    return Form("one of " + ", ".join(f"`{name.value}`" for name in names), names)


def _read_prefix(text: str) -> str:
    if not _PREFIX.fullmatch(text):
        raise ValueError
    return text


TOPIC_PREFIX: Final = Form("at most 100 of the characters A-Z a-z 0-9 . _ -", _read_prefix)


def _read_folder(text: str) -> Path:
    path = Path(text)
    if path.exists() and not path.is_dir():
        raise ValueError("it is a file")
    return path


FOLDER: Final = Form("a folder; it is made where it is missing", _read_folder, explains=True)


def _read_file(text: str) -> Path | None:
    path = Path(text)
    try:
        with path.open("rb"):
            return path
    except OSError as error:
        raise ValueError(error.strerror) from None


FILE: Final = Form[Path | None]("a file that can be read", _read_file, explains=True)


def _read_key_file(text: str) -> Path | None:
    path = Path(text)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(error.strerror) from None
    try:
        size = len(base64.b64decode(content.strip(), validate=True))
    except ValueError:
        raise ValueError("what it holds is not base64") from None  # the decoder's text is not for people
    if size != KEY_BYTES:
        raise ValueError(f"it holds {size} bytes")
    return path


KEY_FILE: Final = Form[Path | None](f"a file that holds base64 of {KEY_BYTES} bytes", _read_key_file, explains=True)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches `host`, an IP address or a name."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_wildcard(host: str) -> bool:
    """Whether `host` stands for all addresses of this machine."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def _read_bind(text: str) -> str:
    if text != "localhost":
        ipaddress.ip_address(text)
    return text


BIND: Final = Form("an IP address of this machine, `0.0.0.0` for all, or `localhost`", _read_bind)


def _is_address(text: str) -> bool:
    match = _ADDRESS.fullmatch(text)
    return match is not None and 0 < int(match[1]) <= PORT_MAX


def _read_broker(text: str) -> str:
    scheme, separator, rest = text.partition("://")
    addresses = rest.split(",")
    if not separator or not all(_is_address(address) for address in addresses):
        raise ValueError
    if scheme == "embedded" and len(addresses) == 1:
        return text
    if scheme != "kafka":
        raise ValueError
    return text


BROKER: Final = Form("`kafka://host:port,host:port`, `embedded://host:port`, or nothing", _read_broker)


def _read_base_url(text: str) -> str:
    parts = urlsplit(text)  # ValueError: a bracket that does not close
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
        raise ValueError
    if parts.username or parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise ValueError
    return text.rstrip("/")


BASE_URL: Final = Form("`http://host:port` or `https://host:port`", _read_base_url)


def _read_issuer(text: str) -> str:
    parts = urlsplit(text)
    if not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise ValueError
    return text


ISSUER: Final = Form("an `https://` address, as the issuer writes it", _read_issuer)
