"""What must hold between settings that are right one by one."""

from typing import TYPE_CHECKING, Final

from freshmart_streams.settings import values
from freshmart_streams.settings.forms import SettingError, variable

if TYPE_CHECKING:
    from freshmart_streams.settings import Settings

EMBEDDED_PARTITIONS: Final = 4
"""The embedded broker has this many, always."""


def check(settings: "Settings") -> None:
    """Refuse values that are right one by one and wrong together."""
    is_kafka = settings.broker.startswith("kafka://")
    if not is_kafka and settings.partitions != EMBEDDED_PARTITIONS:
        raise SettingError("FRESHMART_PARTITIONS", f"the embedded broker has {EMBEDDED_PARTITIONS}, always")
    if settings.oidc_issuer and settings.tokens_file is None:
        # Nobody verifies such tokens yet: counted as a guard, the setting would open the endpoint to everybody.
        raise SettingError(
            "FRESHMART_OIDC_ISSUER", "OIDC tokens are not verified by this version: set FRESHMART_TOKENS_FILE as well"
        )
    if settings.tokens_file is None and not values.is_loopback(settings.web_bind):
        raise SettingError(
            "FRESHMART_WEB_BIND",
            f"{settings.web_bind!r} would open the endpoint to others: set FRESHMART_TOKENS_FILE, or bind to 127.0.0.1",
        )
    _need_all_or_none(settings, "tls_cert_file", "tls_key_file")
    _need_all_or_none(settings, "sasl_mechanism", "sasl_username_file", "sasl_password_file")
    if not is_kafka and (settings.has_tls or settings.sasl_mechanism is not None):
        raise SettingError("FRESHMART_BROKER", "TLS and SASL are for `kafka://` only; the embedded broker has neither")


def _need_all_or_none(settings: "Settings", *names: str) -> None:
    missing = [name for name in names if getattr(settings, name) is None]
    if 0 < len(missing) < len(names):
        others = ", ".join(variable(name) for name in names if name not in missing)
        raise SettingError(variable(missing[0]), f"needed together with {others}")
