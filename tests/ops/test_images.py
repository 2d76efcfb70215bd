"""Dockerfile and compose.yaml, read as text: where no engine runs, this is what holds them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from config import roles
from config.management.commands import render_proxy
from config.settings.env import Environment

ROOT = Path(__file__).resolve().parent.parent.parent
APP = ("migrate", "web", "live", "ingest", "worker", "scheduler", "proxy-configuration")
ONE_SHOT = ("migrate", "proxy-configuration")
SECRETS = ("SECRET_KEY", "MASTER_KEY", "POSTGRES_PASSWORD", "REDIS_PASSWORD")


# ── Dockerfile ───────────────────────────────────────────────────────────────────────────────
def instructions() -> list[tuple[str, str]]:
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines()]
    return [
        (name.upper(), rest.strip())
        for name, _, rest in (line.partition(" ") for line in lines if line and line[0] != "#")
    ]


def stages() -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for name, rest in instructions():
        if name == "FROM":
            found[rest.split(" AS ")[1]] = []
        elif found:
            found[list(found)[-1]].append((name, rest))
    return found


def test_every_base_is_pinned_to_a_version():
    bases = dict(rest.split("=", 1) for name, rest in instructions() if name == "ARG")

    assert all(re.search(r":\d+\.?\d*-", base) for base in bases.values()), bases
    used = [rest.split(" AS ")[0] for name, rest in instructions() if name == "FROM"]
    assert {base.strip("${}") for base in used} == set(bases)


def test_the_last_stage_runs_as_nobody_in_particular():
    last = stages()["runtime"]

    assert [rest for name, rest in last if name == "USER"] == ["10001:10001"]
    assert [name for name, _ in last].index("USER") < [name for name, _ in last].index("CMD")
    assert any(name == "HEALTHCHECK" for name, _ in last)
    assert all(rest.startswith("[") for name, rest in last if name == "CMD")


def test_copies_come_from_stages_that_exist_and_from_files_the_context_lets_in():
    allowed = {
        line[1:].split("/")[0]
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    for stage in stages().values():
        for name, rest in stage:
            assert name != "ADD"
            if name != "COPY":
                continue
            words = shlex.split(rest)
            if words[0].startswith("--from="):
                assert words[0].removeprefix("--from=") in stages()
            else:
                for source in words[:-1]:
                    assert source.split("/")[0] in allowed, source


def test_the_image_takes_only_locked_wheels():
    installs = [rest for name, rest in instructions() if name == "RUN" and "pip install" in rest]

    assert len(installs) == 1
    assert "--require-hashes" in installs[0]
    assert "--only-binary :all:" in installs[0]
    assert any("npm ci" in rest for name, rest in instructions() if name == "RUN")


def test_no_secret_is_baked_in():
    text = (ROOT / "Dockerfile").read_text()

    assert not [name for name in SECRETS if name in text]


# ── compose.yaml ─────────────────────────────────────────────────────────────────────────────
@pytest.fixture(scope="module")
def compose() -> dict:
    return yaml.safe_load((ROOT / "compose.yaml").read_text())


def test_each_role_runs_apart_and_by_the_same_table_as_on_one_machine(compose):
    served = {
        name: service["environment"]["ASGI_ROLES"]
        for name, service in compose["services"].items()
        if "ASGI_ROLES" in service.get("environment", {})
    }
    assert served == {role: role for role in {role for _, role in roles.PREFIXES} | {roles.WEB}}
    for name, service in compose["services"].items():
        command = service.get("command", [])
        if command[:3] == ["python", "-m", "config.roles"]:
            assert command[3] in roles.commands(), name
    started = {service["command"][3] for service in compose["services"].values()
               if service.get("command", [])[:3] == ["python", "-m", "config.roles"]}  # fmt: skip
    assert started == set(roles.commands())


@pytest.mark.parametrize("name", APP)
def test_our_containers_may_write_nowhere_but_to_their_volume(compose, name):
    service = compose["services"][name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "/tmp" in service["tmpfs"]


def test_every_lasting_service_is_watched_and_comes_back(compose):
    for name, service in compose["services"].items():
        if name in ONE_SHOT:
            assert service["restart"] == "no", name
        else:
            assert service["restart"] == "unless-stopped", name
            assert service["healthcheck"]["test"], name


def test_only_the_proxy_is_reachable_from_outside(compose):
    assert [name for name, service in compose["services"].items() if "ports" in service] == [
        "proxy"
    ]


def test_names_lead_somewhere(compose):
    services = compose["services"]
    for name, service in services.items():
        assert set(service.get("depends_on", {})) <= set(services), name
        assert set(service["networks"]) <= set(compose["networks"]), name
        for volume in service.get("volumes", []):
            assert volume.split(":")[0] in compose["volumes"], name
        for image in [service["image"]]:
            assert ":" in image, name
            assert not image.endswith(":latest"), name


def test_servers_are_of_the_promised_versions(compose):
    assert compose["services"]["postgres"]["image"].startswith("postgres:17")
    assert compose["services"]["redis"]["image"].startswith("redis:7")


def test_every_variable_is_one_the_product_reads(compose):
    known = {name.upper() for name in Environment.model_fields} | {"ASGI_ROLES"}

    for name in APP:
        assert set(compose["services"][name]["environment"]) <= known, name


def test_what_must_be_set_is_named_in_the_example():
    text = (ROOT / "compose.yaml").read_text()
    example = (ROOT / ".env.example").read_text()

    required = set(re.findall(r"\$\{(\w+):\?", text))
    assert set(SECRETS) <= required
    assert {name for name in required if not re.search(rf"^{name}=$", example, re.M)} == set()


def test_the_proxys_own_range_is_the_trusted_one(compose):
    (network,) = compose["networks"]["inner"]["ipam"]["config"]

    assert network["subnet"] in compose["services"]["web"]["environment"]["TRUSTED_PROXIES"]


# ── The proxy ────────────────────────────────────────────────────────────────────────────────
def test_the_proxy_sends_each_prefix_to_its_role(compose):
    text = render_proxy.render()

    handled = re.findall(r"\thandle ?(\S*) \{\n\t\treverse_proxy (\w+):8000", text)
    assert handled == [
        ("@websocket", "live"),
        *((f"{prefix}*", role) for prefix, role in roles.PREFIXES),
        ("", roles.WEB),
    ]
    assert {role for _, role in handled} <= set(compose["services"])
    assert text.count("{") == text.count("}")
