from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from server.settings import SettingInvalid, Settings, read, variable


def test_defaults_hold_where_nothing_is_set() -> None:
    assert read({"PATH": "/bin", "REENACT_PORT": " "}) == Settings()


def test_every_setting_is_read_and_cast() -> None:
    read_back = read(
        {
            "REENACT_HOST": "::1",
            "REENACT_PORT": " 9000 ",
            "REENACT_DATA": "elsewhere",
            "REENACT_RESULT_HOURS": "1.5",
            "REENACT_THREADS": "3",
            "REENACT_DEVICE": "cpu",
        }
    )
    assert read_back == Settings("::1", 9000, Path("elsewhere"), result_hours=1.5, threads=3, device="cpu")


def test_variables_of_other_parts_of_the_project_are_no_mistake() -> None:
    read({"REENACT_CI": "1", "REENACT_SHARED": "somewhere"})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_loopback_is_local(host: str) -> None:
    assert Settings(host=host).local


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.7", "example.org"])
def test_what_others_can_reach_is_not(host: str) -> None:
    assert not Settings(host=host).local


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("REENACT_PORT", "http", "a whole number"),
        ("REENACT_PORT", "65536", "from 0 to 65535"),
        ("REENACT_PORT", "80.5", "a whole number"),
        ("REENACT_RESULT_HOURS", "nan", "from 0.001"),
        ("REENACT_RESULT_HOURS", "a day", "a number"),
        ("REENACT_QUEUE_LENGTH", "0", "from 1"),
        ("REENACT_DRIVING_SECONDS", "61", "to 60"),
        ("REENACT_THREADS", "-1", "from 1"),
        ("REENACT_DEVICE", "tpu", "auto, cpu or cuda"),
        ("REENACT_REQUIRE_GPU", "maybe", "yes or no"),
        ("REENACT_ENCODER", "h265", "x264 or nvenc"),
        ("REENACT_PROT", "8000", "not a setting. Did you mean REENACT_PORT"),
        ("REENACT_XYZZY", "8000", "not a setting. Settings: REENACT_HOST, "),
    ],
)
def test_what_is_wrong_is_said_loudly(name: str, value: str, said: str) -> None:
    with pytest.raises(SettingInvalid, match=said) as caught:
        read({name: value})
    assert name in str(caught.value)


def test_every_setting_has_a_comment_and_a_variable() -> None:
    source = Path(Settings.__module__.replace(".", "/") + ".py")
    text = (Path(__file__).parents[2] / source).read_text(encoding="utf-8")
    for field in fields(Settings):
        line = next(line for line in text.splitlines() if line.startswith(f"    {field.name}:"))
        assert "  # " in line, field.name
        assert variable(field.name) == f"REENACT_{field.name.upper()}"


@pytest.mark.parametrize(
    ("text", "value"), [("yes", True), ("TRUE", True), ("1", True), ("no", False), ("0", False)]
)
def test_a_truth_has_some_spellings(text: str, value: bool) -> None:
    assert read({"REENACT_REQUIRE_GPU": text}).require_gpu is value
