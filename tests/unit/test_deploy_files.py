"""The files under deploy/, as far as they can be checked without what they are for: a container engine, a cluster, a booted systemd."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from hongyan.cli.instance import ROLES
from hongyan.doors.ops.routes import routes
from hongyan.settings import CONFIG, PREFIX, Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
SCHEMAS = Path(__file__).parent / "schemas"
FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file() and path.name != ".gitignore")
MANIFESTS = sorted(path for path in (DEPLOY / "kubernetes").glob("*.yaml") if path.name != "kustomization.yaml")
DEFINITIONS = {
    ("apps/v1", "Deployment"): "io.k8s.api.apps.v1.Deployment",
    ("v1", "Service"): "io.k8s.api.core.v1.Service",
    ("v1", "Namespace"): "io.k8s.api.core.v1.Namespace",
    ("policy/v1", "PodDisruptionBudget"): "io.k8s.api.policy.v1.PodDisruptionBudget",
    ("networking.k8s.io/v1", "NetworkPolicy"): "io.k8s.api.networking.v1.NetworkPolicy",
}


def manifests() -> Iterator[dict[str, Any]]:
    for path in MANIFESTS:
        yield from yaml.safe_load_all(path.read_text())


def deployments() -> list[dict[str, Any]]:
    return [manifest for manifest in manifests() if manifest["kind"] == "Deployment"]


def kustomization() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "kubernetes/kustomization.yaml").read_text())
    return found


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return found


def roles_of(command: list[str]) -> list[str]:
    assert command[0] == "serve"
    assert set(command[1::2]) <= {"--role"}
    return command[2::2]


def instructions() -> list[tuple[str, str]]:
    """Of the Dockerfile, continuation lines joined."""
    text = re.sub(r"\\\n", " ", "\n".join(line for line in (DEPLOY / "Dockerfile").read_text().splitlines() if not line.startswith("#")))
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in text.splitlines() if line.strip())]


# What holds of all of them.


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_every_setting_that_is_named_exists_and_no_registry_or_index_is(path: Path) -> None:
    text = path.read_text()
    known = {PREFIX + name.upper() for name in (*Settings.model_fields, CONFIG)}
    assert set(re.findall(rf"{PREFIX}[A-Z0-9_]+", text)) <= known
    assert not re.search(r"https?://(?!127\.0\.0\.1)|pypi|docker\.io|ghcr|quay\.io|index-url", text)


# Kubernetes


def test_every_manifest_fits_the_schema_of_its_kind() -> None:
    schema = json.loads((SCHEMAS / "kubernetes.json").read_text())
    for manifest in manifests():
        kind = DEFINITIONS[manifest["apiVersion"], manifest["kind"]]
        jsonschema_rs.validator_for(schema | {"$ref": f"#/definitions/{kind}"}).validate(manifest)


def test_the_schema_refuses_what_kubernetes_refuses() -> None:
    schema = json.loads((SCHEMAS / "kubernetes.json").read_text())
    wrong = deployments()[0]
    wrong["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    with pytest.raises(jsonschema_rs.ValidationError, match="readynessProbe"):
        jsonschema_rs.validator_for(schema | {"$ref": f"#/definitions/{DEFINITIONS['apps/v1', 'Deployment']}"}).validate(wrong)


def test_the_kustomization_leads_to_every_manifest_and_counts_only_what_is_there() -> None:
    found = kustomization()
    assert sorted(found["resources"]) == [path.name for path in MANIFESTS]
    assert {entry["name"] for entry in found["replicas"]} == {manifest["metadata"]["name"] for manifest in deployments()}


def test_the_deployments_together_do_everything_with_names_that_meet() -> None:
    roles: list[str] = []
    for manifest in deployments():
        template, labels = manifest["spec"]["template"], manifest["spec"]["selector"]["matchLabels"]
        assert labels.items() <= template["metadata"]["labels"].items()
        [container] = template["spec"]["containers"]
        roles += roles_of(container["args"])
        assert [entry["name"] for entry in kustomization()["images"]] == [container["image"]]
        named = {source[key]["name"] for source in container["envFrom"] for key in source}
        assert named == {kustomization()[of][0]["name"] for of in ("configMapGenerator", "secretGenerator")}
    assert sorted(roles) == sorted(ROLES)
    budgets = [manifest["spec"]["selector"]["matchLabels"] for manifest in manifests() if manifest["kind"] == "PodDisruptionBudget"]
    selectors = [manifest["spec"]["selector"]["matchLabels"] for manifest in deployments()]
    assert sorted(map(str, budgets)) == sorted(map(str, selectors))
    [service] = [manifest for manifest in manifests() if manifest["kind"] == "Service"]
    assert service["spec"]["selector"] in selectors


def test_probes_ask_what_is_answered_and_pods_have_time_to_end() -> None:
    async def ready() -> dict[str, str]:
        return {}

    answered = {route.path for route in routes(ready, b"")}
    told = dict(line.split("=", 1) for line in kustomization()["configMapGenerator"][0]["literals"])
    for manifest in deployments():
        spec = manifest["spec"]["template"]["spec"]
        [container] = spec["containers"]
        probes = {name: container[name]["httpGet"]["path"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
        assert probes == {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}
        assert set(probes.values()) <= answered
        before = int(container["lifecycle"]["preStop"]["exec"]["command"][1]) if "lifecycle" in container else 0
        assert spec["terminationGracePeriodSeconds"] >= before + float(told["HONGYAN_SHUTDOWN_S"]) + 5


def test_nothing_in_a_pod_can_become_more_than_it_is() -> None:
    for manifest in deployments():
        spec = manifest["spec"]["template"]["spec"]
        assert spec["securityContext"]["runAsNonRoot"]
        [container] = spec["containers"]
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


# Compose


def test_the_compose_file_fits_its_schema() -> None:
    jsonschema_rs.validator_for(json.loads((SCHEMAS / "compose.json").read_text())).validate(compose())


def test_each_profile_does_everything_against_one_durable_database() -> None:
    services = compose()["services"]
    database = services.pop("database")
    assert {"--fsync=on", "--full_page_writes=on", "--synchronous_commit=on"} <= set(database["command"])
    by_profile: dict[str, list[str]] = {}
    for service in services.values():
        [profile] = service["profiles"]
        by_profile.setdefault(profile, []).extend(roles_of(service["command"]) or sorted(ROLES))
        assert service["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert {profile: set(roles) for profile, roles in by_profile.items()} == {"single": ROLES, "several": ROLES}
    assert by_profile["several"].count("api") == by_profile["several"].count("dispatch") == 2


def test_what_customers_hand_in_outlives_every_container() -> None:
    told = compose()
    for name, service in told["services"].items():
        if name == "database":
            continue
        place = service["environment"]["HONGYAN_DOCUMENTS"]
        [volume] = [volume.partition(":")[0] for volume in service["volumes"] if volume.endswith(f":{place}")]
        assert volume in told["volumes"]
    # A pod's own directory ends with it.
    assert "HONGYAN_DOCUMENTS=s3://" in (DEPLOY / "kubernetes" / "secrets.env.example").read_text()
    # A volume is the user's when the image's directory is.
    assert any("10001 --mode 700 /var/lib/hongyan-documents" in rest for word, rest in instructions() if word == "RUN")


def test_every_value_the_compose_file_asks_for_has_a_default_or_is_in_the_example() -> None:
    asked = re.findall(r"\$\{([A-Z_0-9]+)(:[-?])?", (DEPLOY / "compose.yaml").read_text())
    example = re.findall(r"^([A-Z_]+)=", (DEPLOY / "compose.env.example").read_text(), flags=re.MULTILINE)
    assert {name for name, default in asked if default != ":-"} <= set(example) <= {name for name, _ in asked}


# The image


def test_the_image_is_made_of_checked_packages_and_runs_as_nobody_in_particular() -> None:
    found = instructions()
    words = [word for word, _ in found]
    assert words.count("FROM") == 2
    assert all(rest.split()[0] == "${PYTHON_IMAGE}" for word, rest in found if word == "FROM")
    installs = [rest for word, rest in found if word == "RUN" and "pip install" in rest]
    assert all("--require-hashes" in rest or "--no-deps" in rest for rest in installs)
    final = found[len(words) - words[::-1].index("FROM") :]
    [user] = [rest for word, rest in final if word == "USER"]
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user)
    told = dict(final)
    assert json.loads(told["ENTRYPOINT"]) == ["hongyan"]
    assert json.loads(told["CMD"]) == ["serve"]
    assert "/healthz" in told["HEALTHCHECK"]
    manifest = deployments()[0]["spec"]["template"]["spec"]["securityContext"]
    assert user == f"{manifest['runAsUser']}:{manifest['runAsGroup']}"


def test_the_builder_is_sent_what_the_image_copies() -> None:
    sent = {line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {source for word, rest in instructions() if word == "COPY" and "--from" not in rest for source in rest.split()[:-1]}
    assert copied == sent
    assert all((ROOT / source).exists() for source in copied)


# systemd


@pytest.mark.parametrize(("unit", "instance"), [("hongyan.service", "hongyan.service"), ("hongyan@.service", "hongyan@dispatch.service")])
def test_systemd_understands_the_units(unit: str, instance: str, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not on this machine")
    text = (DEPLOY / "systemd" / unit).read_text()
    program = tmp_path / "hongyan"
    program.symlink_to(sys.executable)
    # What stands in /opt and the manual are not on this machine.
    written = text.replace("/opt/hongyan/.venv/bin/hongyan", str(program))
    (tmp_path / instance).write_text(re.sub(r"(?m)^Documentation=.*\n", "", written))
    told = subprocess.run(["systemd-analyze", "verify", "--man=no", str(tmp_path / instance)], capture_output=True, text=True, check=False)
    assert [line for line in told.stderr.splitlines() if "hongyan" in line] == []


def test_units_start_what_the_command_line_has() -> None:
    for unit in ("hongyan.service", "hongyan@.service"):
        [command] = re.findall(r"(?m)^ExecStart=\S+/hongyan (.*)$", (DEPLOY / "systemd" / unit).read_text())
        assert command.replace("%i", "api").split()[0] == "serve"
        assert set(roles_of(command.replace("%i", "api").split())) <= ROLES
