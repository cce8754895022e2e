"""What is deployed hangs together: services, secrets, templates."""

import re
from pathlib import Path

import yaml

from tests.helpers.coordinator import run

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "deploy/compose/compose.yaml").read_text())
TEMPLATE = (ROOT / "deploy/nginx/nginx.conf.template").read_text()


def test_services_name_what_there_is() -> None:
    services = COMPOSE["services"]
    assert {"postgres", "nats", "init", "nginx", "coordinator-one", "coordinator-two"} == set(services)
    for name, service in services.items():
        assert set(service.get("depends_on", ())) <= set(services), name
        assert set(service.get("secrets", ())) <= set(COMPOSE["secrets"]), name
        for volume in service.get("volumes", ()):
            source = volume["source"] if isinstance(volume, dict) else volume.split(":")[0]
            inside = (ROOT / "deploy/compose" / source).resolve()
            assert source in COMPOSE["volumes"] or inside.exists(), (name, source)
        assert ":" in service.get("image", "x:y") or service["image"] == "safedns-coordinator", name


def test_only_nginx_is_reached_from_outside() -> None:
    assert [name for name, service in COMPOSE["services"].items() if "ports" in service] == ["nginx"]


def test_no_secret_is_written_down() -> None:
    text = (ROOT / "deploy/compose/compose.yaml").read_text()
    assert not re.search(r"(?i)password:[ ]*\S", text)
    assert not re.search(r"postgresql://\w+:\w+@", text)
    assert "secrets/" in (ROOT / ".gitignore").read_text()


def test_nginx_gets_all_that_its_template_wants() -> None:
    wanted = set(re.findall(r"\$\{(\w+)\}", TEMPLATE))
    assert wanted == {word for word in COMPOSE["services"]["nginx"]["environment"] if word.startswith("SAFEDNS_")}


def test_commands_are_those_of_the_program() -> None:
    said = run("coordinator", "--help")
    for service in COMPOSE["services"].values():
        if service.get("image") == "safedns-coordinator":
            assert service["command"][0] in said
            help_text = run("coordinator", service["command"][0], "--help")
            assert all(word in help_text for word in service["command"] if word.startswith("--"))
