"""Settings: contracts.md section 7, one clear line for whatever is wrong."""

import base64
import dataclasses
from pathlib import Path

import pytest

from freshmart_streams.settings import BrokerKind, Clock, SaslMechanism, SettingError, Settings, reference

KAFKA = "kafka://a:9092,b:9093"


@pytest.fixture
def secret(tmp_path: Path) -> str:
    path = tmp_path / "secret"
    path.write_text("hunter2")
    return str(path)


def refusal(**variables: str) -> SettingError:
    with pytest.raises(SettingError) as caught:
        Settings.from_environment({f"FRESHMART_{name}": value for name, value in variables.items()})
    assert "\n" not in str(caught.value)
    return caught.value


def taken(**variables: str) -> Settings:
    return Settings.from_environment({f"FRESHMART_{name}": value for name, value in variables.items()})


class TestDefaults:
    def test_an_empty_environment_is_a_first_try_on_this_machine(self) -> None:
        settings = Settings.from_environment({})
        assert settings.broker_kind is BrokerKind.IN_PROCESS
        assert settings.bootstrap == ""
        assert settings.topic_prefix == "freshmart."
        assert settings.partitions == 4
        assert (settings.web_bind, settings.web_port) == ("127.0.0.1", 6066)
        assert settings.advertised_url == "http://127.0.0.1:6066"
        assert settings.clock is Clock.LIVE
        assert (settings.dedupe_days, settings.day_grace_hours, settings.holdout_percent) == (14, 3, 10)
        assert (settings.session_timeout_s, settings.commit_interval_ms) == (10, 50)
        assert settings.tokens_file is None

    def test_an_empty_variable_counts_as_absent(self) -> None:
        assert taken(WEB_PORT="", BROKER="  ", TOKENS_FILE="") == Settings.from_environment({})

    def test_other_programs_variables_are_not_read(self) -> None:
        environment = {"WEB_PORT": "1", "FAUST_WEB_PORT": "2", "freshmart_web_port": "3", "XFRESHMART_WEB_PORT": "4"}
        assert Settings.from_environment(environment) == Settings.from_environment({})

    def test_the_processs_environment_is_read_when_none_is_given(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FRESHMART_WEB_PORT", "7000")
        assert Settings.from_environment().web_port == 7000


class TestBroker:
    def test_kafka_has_one_or_more_addresses(self) -> None:
        settings = taken(BROKER=KAFKA, PARTITIONS="12")
        assert settings.broker_kind is BrokerKind.KAFKA
        assert settings.bootstrap == "a:9092,b:9093"
        assert settings.partitions == 12

    def test_the_embedded_one_has_the_address_that_it_printed(self) -> None:
        settings = taken(BROKER="embedded://127.0.0.1:4711")
        assert settings.broker_kind is BrokerKind.EMBEDDED
        assert settings.bootstrap == "127.0.0.1:4711"

    def test_an_ipv6_address_stands_in_brackets(self) -> None:
        assert taken(BROKER="kafka://[::1]:9092").bootstrap == "[::1]:9092"

    @pytest.mark.parametrize(
        "broker",
        [
            *("a:9092", "kafka://", "kafka://a", "kafka://a:", "kafka://a:0", "kafka://a:65536", "kafka://a:9092,"),
            *("kafka:a:9092", "http://a:9092", "kafka://a b:9092", "kafka://a:9092/x", "KAFKA://a:9092"),
            *("embedded://", "embedded://a:1,b:2", "kafka://a:٩", "kafka://a:9092\nb:1"),
        ],
    )
    def test_anything_else_is_no_broker(self, broker: str) -> None:
        assert refusal(BROKER=broker).name == "FRESHMART_BROKER"

    def test_a_password_in_an_address_is_not_repeated(self) -> None:
        assert "hunter2" not in str(refusal(BROKER="kafka://me:hunter2@a:9092"))

    @pytest.mark.parametrize("broker", ["", "embedded://127.0.0.1:4711"])
    def test_the_embedded_one_has_four_partitions_always(self, broker: str) -> None:
        assert str(refusal(BROKER=broker, PARTITIONS="8")) == "FRESHMART_PARTITIONS: the embedded broker has 4, always"


class TestNumbers:
    @pytest.mark.parametrize("text", ["0", "65536", "-1", "+80", "80.0", "8_0", "٨٠", "0x50", "port", "1" * 400, "²"])
    def test_a_number_out_of_range_or_oddly_written_is_refused(self, text: str) -> None:
        error = refusal(WEB_PORT=text)
        assert str(error) == f"FRESHMART_WEB_PORT: {text!r} is not a whole number from 1 to 65,535"

    @pytest.mark.parametrize(
        ("name", "low", "high"),
        [
            ("WEB_PORT", 1, 65_535),
            ("DEDUPE_DAYS", 1, 365),
            ("DAY_GRACE_HOURS", 0, 72),
            ("HOLDOUT_PERCENT", 0, 100),
            ("SESSION_TIMEOUT_S", 3, 300),
            ("COMMIT_INTERVAL_MS", 1, 10_000),
            ("MEMORY_MB", 64, 1_000_000),
            ("STANDBYS", 0, 3),
        ],
    )
    def test_both_ends_of_a_range_are_in_it(self, name: str, low: int, high: int) -> None:
        for number in (low, high):
            assert getattr(taken(**{name: str(number)}), name.lower()) == number
        for number in (low - 1, high + 1):
            assert refusal(**{name: str(number)}).name == f"FRESHMART_{name}"


class TestWords:
    def test_the_clock_is_live_or_the_events(self) -> None:
        assert taken(CLOCK="events").clock is Clock.EVENTS
        assert str(refusal(CLOCK="Live")) == "FRESHMART_CLOCK: 'Live' is not one of `live`, `events`"

    @pytest.mark.parametrize("prefix", ["a/b", "ä.", "x" * 101, "a b"])
    def test_a_prefix_has_the_characters_of_topic_names(self, prefix: str) -> None:
        assert refusal(TOPIC_PREFIX=prefix).name == "FRESHMART_TOPIC_PREFIX"


class TestUnknownNames:
    def test_the_closest_name_is_suggested(self) -> None:
        assert str(refusal(WEB_PRT="1")) == (
            "FRESHMART_WEB_PRT: there is no such setting; the closest is FRESHMART_WEB_PORT"
        )

    def test_the_value_of_an_unknown_variable_is_not_shown(self) -> None:
        assert "hunter2" not in str(refusal(SASL_PASSWORD="hunter2"))

    def test_what_kubernetes_adds_for_a_service_is_not_ours(self) -> None:
        links = {
            "FRESHMART_SERVICE_HOST": "10.0.0.1",
            "FRESHMART_SERVICE_PORT": "6066",
            "FRESHMART_SERVICE_PORT_HTTP": "6066",
            "FRESHMART_PORT": "tcp://10.0.0.1:6066",
            "FRESHMART_PORT_6066_TCP": "tcp://10.0.0.1:6066",
            "FRESHMART_PORT_6066_TCP_PROTO": "tcp",
            "FRESHMART_PORT_6066_TCP_PORT": "6066",
            "FRESHMART_PORT_6066_TCP_ADDR": "10.0.0.1",
            "FRESHMART_WEB_PORT": "tcp://10.0.0.1:6066",  # of a service "freshmart-web"
            "FRESHMART_WEB_SERVICE_HOST": "10.0.0.1",
        }
        assert Settings.from_environment(links) == Settings.from_environment({})

    def test_a_mistyped_port_is_still_found(self) -> None:
        assert refusal(PORT="6066").message.endswith("the closest is FRESHMART_WEB_PORT")


class TestOpenEndpoint:
    @pytest.mark.parametrize("bind", ["0.0.0.0", "::", "192.0.2.7"])
    def test_another_bind_address_without_a_guard_is_refused(self, bind: str) -> None:
        error = refusal(WEB_BIND=bind)
        assert error.name == "FRESHMART_WEB_BIND"
        assert "FRESHMART_TOKENS_FILE" in error.message

    @pytest.mark.parametrize("bind", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
    def test_this_machine_alone_needs_none(self, bind: str) -> None:
        assert taken(WEB_BIND=bind).web_bind == bind

    def test_tokens_are_a_guard(self, secret: str) -> None:
        assert taken(WEB_BIND="0.0.0.0", TOKENS_FILE=secret).tokens_file == Path(secret)

    @pytest.mark.parametrize("bind", ["127.0.0.1", "0.0.0.0"])
    def test_an_issuer_alone_is_no_guard_while_nobody_verifies_its_tokens(self, bind: str, secret: str) -> None:
        issuer = "https://login.example.org/realms/shop"
        assert refusal(WEB_BIND=bind, OIDC_ISSUER=issuer, PEER_KEY_FILE=secret).name == "FRESHMART_OIDC_ISSUER"
        assert taken(WEB_BIND=bind, OIDC_ISSUER=issuer, TOKENS_FILE=secret).oidc_issuer == issuer

    @pytest.mark.parametrize("bind", ["all", "host.example.org", "127.0.0.1:80", "256.0.0.1"])
    def test_a_bind_address_is_an_address(self, bind: str, secret: str) -> None:
        assert refusal(WEB_BIND=bind, TOKENS_FILE=secret).name == "FRESHMART_WEB_BIND"


class TestAddresses:
    def test_the_url_is_made_of_bind_address_and_port(self, secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("socket.gethostname", lambda: "worker-1")
        assert taken(WEB_PORT="7000").advertised_url == "http://127.0.0.1:7000"
        assert taken(WEB_BIND="::1").advertised_url == "http://[::1]:6066"
        assert taken(WEB_BIND="0.0.0.0", TOKENS_FILE=secret).advertised_url == "http://worker-1:6066"
        assert taken(ADVERTISED_URL="https://w1.example.org/").advertised_url == "https://w1.example.org"

    @pytest.mark.parametrize(
        "url", ["w1:6066", "ftp://w1", "http://", "http://me:pw@w1", "http://w1/path", "http://w1?x", "http://[::1"]
    )
    def test_the_url_is_a_base_url(self, url: str) -> None:
        assert refusal(ADVERTISED_URL=url).name == "FRESHMART_ADVERTISED_URL"

    @pytest.mark.parametrize("issuer", ["http://login.example.org", "login.example.org", "https://", "https://a?b"])
    def test_an_issuer_is_reached_by_https(self, issuer: str) -> None:
        assert refusal(OIDC_ISSUER=issuer).name == "FRESHMART_OIDC_ISSUER"


class TestFiles:
    def test_a_missing_file_is_named_by_its_variable_and_its_reason(self, tmp_path: Path) -> None:
        path = str(tmp_path / "ca.pem")
        assert str(refusal(BROKER=KAFKA, TLS_CA_FILE=path)) == (
            f"FRESHMART_TLS_CA_FILE: {path!r} is not a file that can be read: No such file or directory"
        )

    def test_a_folder_is_no_file(self, tmp_path: Path) -> None:
        assert "directory" in refusal(TOKENS_FILE=str(tmp_path)).message

    @pytest.mark.parametrize(
        "name", ["TOKENS_FILE", "PEER_KEY_FILE", "MASTER_KEY_FILE", "TLS_KEY_FILE", "SASL_PASSWORD_FILE"]
    )
    def test_a_secret_in_place_of_its_file_is_not_shown(self, name: str) -> None:
        key = base64.b64encode(b"k" * 32).decode()
        assert key not in str(refusal(**{name: key}))

    def test_the_data_folder_may_be_missing_but_no_file(self, tmp_path: Path, secret: str) -> None:
        assert taken(DATA_DIR=str(tmp_path / "new")).data_dir == tmp_path / "new"
        assert refusal(DATA_DIR=secret).message.endswith("it is a file")

    def test_a_master_key_is_32_bytes_in_base64(self, tmp_path: Path) -> None:
        path = tmp_path / "master-key"
        path.write_bytes(base64.b64encode(bytes(range(32))) + b"\n")
        assert taken(MASTER_KEY_FILE=str(path)).master_key_file == path

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (base64.b64encode(b"hunter2" * 5), "it holds 35 bytes"),
            (b"", "it holds 0 bytes"),
            (b"hunter2hunter2-hunter2", "what it holds is not base64"),
            (b"\xff" * 32, "what it holds is not base64"),
        ],
    )
    def test_another_master_key_is_refused_and_not_shown(self, tmp_path: Path, content: bytes, reason: str) -> None:
        path = tmp_path / "master-key"
        path.write_bytes(content)
        assert str(refusal(MASTER_KEY_FILE=str(path))) == (
            f"FRESHMART_MASTER_KEY_FILE: expected a file that holds base64 of 32 bytes: {reason}"
        )

    def test_nothing_secret_is_in_the_representation(self, secret: str, tmp_path: Path) -> None:
        key = tmp_path / "secret-key"
        key.write_bytes(base64.b64encode(b"hunter2!" * 4))
        settings = taken(TOKENS_FILE=secret, PEER_KEY_FILE=secret, MASTER_KEY_FILE=str(key))
        assert "secret" not in repr(settings)
        assert "hunter2" not in repr(settings)


class TestBrokerSecurity:
    def test_tls_and_sasl_are_read_together(self, secret: str) -> None:
        settings = taken(
            BROKER=KAFKA,
            TLS_CA_FILE=secret,
            TLS_CERT_FILE=secret,
            TLS_KEY_FILE=secret,
            SASL_MECHANISM="SCRAM-SHA-512",
            SASL_USERNAME_FILE=secret,
            SASL_PASSWORD_FILE=secret,
        )
        assert settings.has_tls
        assert settings.sasl_mechanism is SaslMechanism.SCRAM_SHA_512

    def test_a_certificate_needs_its_key(self, secret: str) -> None:
        assert str(refusal(BROKER=KAFKA, TLS_CERT_FILE=secret)) == (
            "FRESHMART_TLS_KEY_FILE: needed together with FRESHMART_TLS_CERT_FILE"
        )

    def test_a_mechanism_needs_name_and_password(self, secret: str) -> None:
        assert refusal(BROKER=KAFKA, SASL_MECHANISM="PLAIN").name == "FRESHMART_SASL_USERNAME_FILE"
        assert refusal(BROKER=KAFKA, SASL_PASSWORD_FILE=secret).name == "FRESHMART_SASL_MECHANISM"

    def test_the_embedded_broker_has_neither(self, secret: str) -> None:
        assert refusal(TLS_CA_FILE=secret).name == "FRESHMART_BROKER"

    def test_without_any_file_connections_are_plain(self) -> None:
        assert not taken(BROKER=KAFKA).has_tls


class TestReference:
    def test_every_setting_says_what_it_means(self) -> None:
        texts = reference.docstrings()
        assert set(texts) == {field.name for field in dataclasses.fields(Settings)}
        assert all(text.endswith(".") for text in texts.values())

    def test_every_setting_of_the_contract_is_there(self) -> None:
        names = "BROKER TOPIC_PREFIX PARTITIONS DATA_DIR WEB_PORT WEB_BIND ADVERTISED_URL CLOCK DEDUPE_DAYS"
        names += " DAY_GRACE_HOURS HOLDOUT_PERCENT SESSION_TIMEOUT_S COMMIT_INTERVAL_MS MEMORY_MB STANDBYS TOKENS_FILE"
        names += " PEER_KEY_FILE OIDC_ISSUER MASTER_KEY_FILE"
        assert {name.lower() for name in names.split()} <= {field.name for field in dataclasses.fields(Settings)}

    def test_settings_that_shape_results_are_named_for_the_journal(self) -> None:
        assert taken(DEDUPE_DAYS="7", WEB_PORT="7000").result_settings == {
            "topic_prefix": "freshmart.",
            "partitions": "4",
            "dedupe_days": "7",
            "day_grace_hours": "3",
            "holdout_percent": "10",
        }
