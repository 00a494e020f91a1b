"""Files of variables and of secrets, as servers hand them over."""

from pathlib import Path

import pytest

from architecture.env_example import EXAMPLE, render
from dasi.foundation.errors import OperatorError
from dasi.settings import add_env_file, read_settings, text_of, unknown_names
from dasi.settings.env_file import read_env_file
from dasi.settings.environment import SETTINGS
from foundation.test_settings import LEAST

WITH_FILE = [setting for setting in SETTINGS if setting.has_file]
TEXTS = {
    "DASI_DATABASE_URL": "postgresql://dasi:hush@db/dasi",
    "DASI_DATABASE_DIRECT_URL": "postgresql://dasi:hush@db/dasi",
    "DASI_DATABASE_OWNER_URL": "postgresql://owner:hush@db/dasi",
    "DASI_METRICS_TOKEN": "hush-hush-hush-hush",
    "DASI_ALERT_CHAT_URL": "https://chat.example/hooks/hush",
    "DASI_SMTP_PASSWORD": "hush",
}


def test_every_secret_comes_from_a_file_as_well(tmp_path: Path) -> None:
    without_file = {setting.name for setting in SETTINGS if setting.is_secret} - set(TEXTS)
    assert without_file == {"DASI_VAULT_KEYS", "DASI_VAULT_KEYS_COMMAND"}, "see dasi.sealing_keys"
    assert {setting.name for setting in WITH_FILE} == set(TEXTS)


@pytest.mark.parametrize("setting", WITH_FILE, ids=lambda setting: setting.name)
def test_a_secret_is_read_from_its_file(setting, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{TEXTS[setting.name]}\n")
    environment = {name: text for name, text in LEAST.items() if name != setting.name}
    environment[f"{setting.name}_FILE"] = str(file)

    assert getattr(read_settings(environment), setting.attribute) == TEXTS[setting.name]
    assert unknown_names(environment) == ()


@pytest.mark.parametrize(
    ("content", "text", "reason"),
    [
        (None, "", "cannot be read"),
        ("\n", "", "is empty"),
        ("hush-hush-hush-hush", "hush-hush-hush-hush", "both set"),
        ("hush", "", "DASI_METRICS_TOKEN cannot be used"),
    ],
)
def test_a_file_that_is_no_use_is_named_without_the_secret(
    content: str | None, text: str, reason: str, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_text(content)
    environment = {"DASI_METRICS_TOKEN": text, "DASI_METRICS_TOKEN_FILE": str(file)}

    with pytest.raises(OperatorError) as refused:
        read_settings(LEAST | environment)

    assert reason in refused.value.problem
    assert "hush" not in str(refused.value)


def test_everything_missing_or_wrong_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(OperatorError) as refused:
        read_settings(
            {
                "DASI_VAULT_KEYS_FILE": str(tmp_path / "none"),
                "DASI_METRICS_TOKEN": "hush",
                "DASI_LOG_LEVEL": "loud",
            }
        )
    assert refused.value.problem == "4 settings are missing or wrong."
    lines = refused.value.cause.splitlines()[1:]
    assert [line.split()[1] for line in sorted(lines)] == [
        "DASI_DATABASE_URL",
        "DASI_LOG_LEVEL",
        "DASI_METRICS_TOKEN",
        "The",  # file of DASI_VAULT_KEYS_FILE
    ]
    assert "hush" not in str(refused.value)
    assert "--env-file" in refused.value.hint


def test_lines_are_read_as_systemd_and_compose_read_them(tmp_path: Path) -> None:
    file = tmp_path / "dasi.env"
    file.write_text("# no=1\n; no=2\n\nA=1\nexport B = two words \nC='x=$A #'\nD=\"\"\nA=3\n")
    assert read_env_file(file) == {"A": "3", "B": "two words", "C": "x=$A #", "D": ""}


def test_a_wrong_line_is_named_by_its_number_and_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "dasi.env"
    file.write_text("A=1\nhush hush\n")
    with pytest.raises(OperatorError, match="Line 2 of") as refused:
        read_env_file(file)
    assert "hush" not in str(refused.value)
    with pytest.raises(OperatorError, match="cannot be read"):
        read_env_file(tmp_path / "missing.env")


def test_the_environment_comes_before_the_file(tmp_path: Path) -> None:
    file = tmp_path / "dasi.env"
    file.write_text("A=file\nB=file\nC=same\n")
    environment = {"A": "environment", "B": "", "C": "same"}
    assert add_env_file(file, environment) == ("A",)
    assert environment == {"A": "environment", "B": "file", "C": "same"}


def test_the_example_is_in_step_and_starts_with_its_required_values() -> None:
    assert EXAMPLE.read_text() == render(), (
        "run: cd tests && ../.venv/bin/python -m architecture.env_example"
    )
    defaults = read_env_file(EXAMPLE)
    assert set(defaults) == set(LEAST)
    assert read_settings(defaults | LEAST) == read_settings(LEAST)
    assert text_of(defaults, "DASI_DATABASE_URL") == ""


def test_the_defaults_of_the_example_are_the_defaults(tmp_path: Path) -> None:
    uncommented = tmp_path / "dasi.env"
    uncommented.write_text(EXAMPLE.read_text().replace("\n#DASI_", "\nDASI_"))
    variables = read_env_file(uncommented)
    assert set(variables) == {setting.name for setting in SETTINGS}
    assert read_settings(variables | LEAST) == read_settings(LEAST)
