"""Settings from the environment and from flags."""

from argparse import ArgumentParser
from pathlib import Path

import pytest

from service.engine.options import RuntimeOptions
from service.settings import Settings
from service.settings_sources import InvalidSetting, add_settings_arguments, settings_from


def read(*flags: str, **environ: str) -> Settings:
    parser = ArgumentParser()
    add_settings_arguments(parser)
    return settings_from(parser.parse_args(flags), environ)


def test_defaults() -> None:
    settings = read(HOME="/root", PATH="/bin")
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.model == Path("models/en")
    assert settings.runtime_options() == RuntimeOptions()


def test_a_flag_wins_over_its_variable_and_a_variable_over_the_default() -> None:
    settings = read("--port", "9000", LONGWAVE_PORT="8001", LONGWAVE_PROVIDER="cpu")
    assert (settings.port, settings.provider) == (9000, "cpu")


def test_a_switch_can_be_turned_on_and_off() -> None:
    assert read(LONGWAVE_REQUIRE_GPU="true").require_gpu
    assert not read("--no-require-gpu", LONGWAVE_REQUIRE_GPU="true").require_gpu


@pytest.mark.parametrize("value", ["", "0"])
def test_vosks_port_can_be_off(value: str) -> None:
    assert read().vosk_port == 2700
    assert read(LONGWAVE_VOSK_PORT=value).vosk_port == 0


def test_origins_come_one_by_one() -> None:
    assert read().origins == []
    settings = read(LONGWAVE_ALLOW_ORIGINS="https://a.example, http://localhost:3000")
    assert settings.origins == ["https://a.example", "http://localhost:3000"]


def test_the_case_of_the_log_level_does_not_matter() -> None:
    assert read(LONGWAVE_LOG_LEVEL="WARNING").log_level == "warning"


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("PORT", "http", "valid integer"),
        ("PORT", "65536", "65535"),
        ("PROVIDER", "tpu", "'auto', 'cpu' or 'cuda'"),
        ("PRECISION", "int4", "int8"),
        ("MAX_DURATION_S", "nan", "finite"),
        ("REQUIRE_GPU", "perhaps", "boolean"),
        ("LOG_LEVEL", "loud", "'warning'"),
        ("ALLOW_ORIGINS", "https://a.example,b.example", "'b.example' is neither * nor"),
        ("ALLOW_ORIGINS", "https://a.example/page", "an origin such as https://example.org"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(name: str, value: str, allowed: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        read(**{f"LONGWAVE_{name}": value})
    message = str(caught.value)
    assert f"LONGWAVE_{name}='{value}'" in message
    assert allowed in message
    assert "\n" not in message


def test_a_wrong_flag_is_named_as_it_was_written() -> None:
    with pytest.raises(InvalidSetting, match="--max-batch-size='0' is not allowed"):
        read("--max-batch-size", "0")


def test_an_unknown_variable_is_refused_with_the_one_that_was_meant() -> None:
    with pytest.raises(InvalidSetting, match=r"LONGWAVE_PROT='1' .* did you mean LONGWAVE_PORT\?"):
        read(LONGWAVE_PROT="1")


def test_a_service_of_kubernetes_may_have_our_name() -> None:
    settings = read(
        LONGWAVE_PORT="tcp://10.0.0.7:8000",
        LONGWAVE_PORT_8000_TCP="tcp://10.0.0.7:8000",
        LONGWAVE_PORT_8000_TCP_ADDR="10.0.0.7",
        LONGWAVE_SERVICE_HOST="10.0.0.7",
        LONGWAVE_SERVICE_PORT="8000",
        LONGWAVE_SERVICE_PORT_HTTP="8000",
        LONGWAVE_WORKERS="3",
    )
    assert settings == Settings(workers=3)


def test_the_help_of_a_flag_tells_its_values_and_its_variable() -> None:
    parser = ArgumentParser()
    add_settings_arguments(parser)
    text = " ".join(parser.format_help().split())
    assert "(one of auto, cpu, cuda; LONGWAVE_PROVIDER; default: auto)" in text
    assert "(LONGWAVE_ALLOW_ORIGINS; default: none)" in text


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        read().port = 1
