"""The container files fit the program: their settings, commands, options and files exist.

No container is built or started here: that needs a daemon. `docs/operate/install.md` says so.
"""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from dasi.cli import app
from dasi.foundation import vault
from dasi.settings import read_settings
from dasi.settings.environment import SETTINGS
from kicc_simulator.__main__ import command_line

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = ("compose.yaml", "compose.demo.yaml")
VARIABLES = {
    "SITE": "pay.example.com",
    "POSTGRES_PASSWORD": "a1",
    "OWNER_PASSWORD": "b2",
    "APP_PASSWORD": "c3",
}
KNOWN = {setting.name for setting in SETTINGS}


def interpolated(name: str) -> str:
    """The file with its variables, as compose puts them in."""

    def value(match: re.Match[str]) -> str:
        variable, sign, default = match.groups()
        assert sign == ":-" or variable in VARIABLES, f"{variable} is not in the docs"
        return VARIABLES.get(variable, default)

    text = (DEPLOY / name).read_text(encoding="utf-8")
    return re.sub(r"\$\{(\w+)(:[-?])([^}]*)\}", value, text)


def services(name: str) -> dict[str, dict[str, Any]]:
    loaded: dict[str, dict[str, Any]] = yaml.safe_load(interpolated(name))["services"]
    return loaded


def dasi_services(name: str) -> dict[str, dict[str, Any]]:
    """The services that run the image of the Dockerfile."""
    return {key: service for key, service in services(name).items() if service["image"] == "dasi"}


def instructions() -> list[tuple[str, str]]:
    """Instruction and argument of each line of the Dockerfile, continued lines joined."""
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [
        (instruction, rest.strip())
        for instruction, _, rest in (line.partition(" ") for line in lines)
    ]


def check_command(arguments: list[str]) -> None:
    """Parse the arguments as `dasi` does. An unknown command or option raises."""
    name, *options = arguments
    if name == "simulator":
        assert options.pop(0) == "--"
        command_line().parse_args(options)
        return
    group: Any = typer.main.get_command(app)
    group.commands[name].make_context(name, options)


@pytest.mark.parametrize("name", COMPOSE)
def test_every_command_of_a_service_exists_with_its_options(name: str) -> None:
    assert dasi_services(name)
    for service in dasi_services(name).values():
        check_command(list(service["command"]))


def test_every_setting_of_a_service_exists_and_can_be_read(tmp_path: Path) -> None:
    keys = tmp_path / "vault-keys"
    keys.write_text(vault.new_key())
    for key, service in dasi_services("compose.yaml").items():
        environment = dict(service.get("environment", {}))
        assert set(environment) <= KNOWN, key
        if key != "simulator":
            settings = read_settings({**environment, "DASI_VAULT_KEYS_FILE": str(keys)})
            assert settings.public_url == "https://pay.example.com"


def test_gateways_are_those_that_caddy_leads_to_and_trust_it() -> None:
    all_services = services("compose.yaml")
    caddy = all_services["caddy"]
    gateways = [
        key for key, service in all_services.items() if "serve" in service.get("command", [])
    ]
    assert caddy["environment"]["GATEWAYS"] == " ".join(f"{key}:8000" for key in gateways)
    address = caddy["networks"]["default"]["ipv4_address"]
    for key in gateways:
        assert all_services[key]["environment"]["DASI_TRUSTED_PROXIES"] == address
    assert "{$SITE:" in (DEPLOY / "caddy/Caddyfile").read_text()


def test_only_migrate_has_the_owner_of_the_schema() -> None:
    having = [
        key
        for key, service in dasi_services("compose.yaml").items()
        if "DASI_DATABASE_OWNER_URL" in service.get("environment", {})
    ]
    assert having == ["migrate"]


@pytest.mark.parametrize("name", COMPOSE)
def test_our_containers_have_no_rights_and_a_read_only_root(name: str) -> None:
    for key, service in dasi_services(name).items():
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"]), key


@pytest.mark.parametrize("name", COMPOSE)
def test_mounted_and_built_files_exist(name: str) -> None:
    for service in services(name).values():
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert not source.startswith(".") or (DEPLOY / source).is_file(), source
        if "build" in service:
            context = (DEPLOY / service["build"]["context"]).resolve()
            assert (context / service["build"]["dockerfile"]).is_file()


def test_the_dockerfile_copies_what_exists_and_runs_as_no_root() -> None:
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    for instruction, rest in instructions():
        if instruction == "COPY" and "--from" not in rest:
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists(), source
                assert f"!{source}" in ignored, source
    copied = {
        ROOT / rest.split()[0] for instruction, rest in instructions() if instruction == "COPY"
    }
    links = [path.resolve() for path in (ROOT / "src").rglob("*") if path.is_symlink()]
    assert {link for link in links if not link.is_relative_to(ROOT / "src")} <= copied
    names = [instruction for instruction, _ in instructions()]
    assert names.count("FROM") == 2
    users = [rest for instruction, rest in instructions() if instruction == "USER"]
    assert users == ["10001:10001"]
    assert "HEALTHCHECK" in names


def test_the_dockerfile_sets_known_variables_and_starts_a_gateway() -> None:
    for instruction, rest in instructions():
        if instruction == "ENV":
            variables = {part.partition("=")[0] for part in shlex.split(rest)}
            assert {name for name in variables if name.startswith("DASI_")} <= KNOWN
    (command,) = [rest for instruction, rest in instructions() if instruction == "CMD"]
    check_command(yaml.safe_load(command))
