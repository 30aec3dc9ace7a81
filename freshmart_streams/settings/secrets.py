"""What the files behind settings hold, read when it is needed and kept nowhere here."""

import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from freshmart_streams.settings.forms import SettingError, variable

if TYPE_CHECKING:
    from freshmart_streams.settings import Settings


def tls_context(settings: "Settings") -> ssl.SSLContext:
    """How to speak TLS with the brokers; raises `SettingError` for files that hold something else."""
    try:
        context = ssl.create_default_context(cafile=settings.tls_ca_file)
    except (OSError, ValueError) as error:
        raise _unusable("tls_ca_file", settings.tls_ca_file, "certificates in PEM form", error) from error
    if settings.tls_cert_file is not None:
        try:
            # An empty password: a key that needs one is refused instead of asked for on the terminal.
            context.load_cert_chain(settings.tls_cert_file, settings.tls_key_file, password="")
        except (OSError, ValueError) as error:
            expected = f"a certificate in PEM form that fits the open key of {variable('tls_key_file')}"
            raise _unusable("tls_cert_file", settings.tls_cert_file, expected, error) from error
    return context


def sasl_credentials(settings: "Settings") -> tuple[str, str]:
    """User and password for the brokers; raises `SettingError` for files that hold no text."""
    return (
        _text("sasl_username_file", settings.sasl_username_file),
        _text("sasl_password_file", settings.sasl_password_file),
    )


def _text(field: str, path: Path | None) -> str:
    assert path is not None, "the settings are all there or none"
    try:
        return path.read_text(encoding="utf-8").rstrip()
    except (OSError, ValueError) as error:
        raise _unusable(field, path, "text in UTF-8", error) from error


def _unusable(field: str, path: Path | None, expected: str, error: Exception) -> SettingError:
    # The texts of decoding errors quote the content.
    reason = error.strerror if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) else None
    return SettingError(variable(field), f"{path} does not hold {expected}{f' ({reason})' if reason else ''}")
