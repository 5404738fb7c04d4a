"""Every operation of the native API against its own document: data that fits it and data that does not, with a customer's key and without.

No answer is an error of the platform, every one is what the document says, and what does not fit is refused.
"""

import json
import os
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.config import ProjectConfig, ProjectsConfig, SchemathesisConfig
from schemathesis.specs.openapi import checks

from journeys.customers import Customer

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("laws_hold")]

NOT_FOR_IT = (
    # A name that fits may be taken, a number that fits may not be there: the document says so with 404 and 409.
    checks.positive_data_acceptance,
    # Another method of a path is answered with 405, and the body of a DELETE is not looked at.
    checks.unsupported_method,
    # The session always has its key; without one is a test of its own.
    checks.ignored_auth,
    checks.ensure_resource_availability,
    checks.use_after_free,
)
PLAIN = settings(
    database=None, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate], print_blob=False
)


@pytest.fixture
def session(customer: Customer) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        session.auth = (customer.tenant.secret_id, customer.tenant.secret_key)
        session.headers["accept-language"] = "en"
        yield session


@pytest.fixture
async def document(customer: Customer, http: httpx2.AsyncClient) -> dict[str, Any]:
    found: dict[str, Any] = (await http.get(f"http://{customer.platform.address}/api/v1/openapi.json")).json()
    return found


def operations(document: dict[str, Any], customer: Customer) -> Iterator[Any]:
    config = SchemathesisConfig(projects=ProjectsConfig(default=ProjectConfig(base_url=f"http://{customer.platform.address}")))
    schema = schemathesis.openapi.from_dict(document, config=config)
    schema.config.generation.update(modes=list(GenerationMode))
    for found in schema.get_all_operations():
        yield found.ok()


async def test_every_operation_keeps_to_the_document(
    customer: Customer, document: dict[str, Any], session: requests.Session, request: pytest.FixtureRequest
) -> None:
    count = max(3, request.config.getoption("attack_cases") // 500)
    seen: set[tuple[str, int]] = set()
    faults: dict[str, str] = {}
    for operation in operations(document, customer):

        @settings(PLAIN, max_examples=count)
        @given(case=operation.as_strategy())
        def attack(case: Any) -> None:
            response = case.call(session=session)
            seen.add((case.operation.label, response.status_code))
            try:
                case.validate_response(response, excluded_checks=list(NOT_FOR_IT))
            except schemathesis.core.failures.FailureGroup as group:
                # All operations are tried before anything is said.
                faults[case.operation.label] = (
                    "\n".join(str(fault) for fault in group.exceptions) + f"\n{response.request.body!r}\n{response.text}"
                )

        (seed(11)(attack) if os.environ.get("CI") else attack)()
    assert faults == {}
    assert len({label for label, _ in seen}) > 40
    assert {status for _, status in seen} >= {200, 403, 404, 422}


async def test_nobody_gets_anything_without_a_key(customer: Customer, document: dict[str, Any], http: httpx2.AsyncClient) -> None:
    base = f"http://{customer.platform.address}"
    for path, methods in document["paths"].items():
        for method in methods:
            answer = await http.request(method, base + path.replace("{", "").replace("}", ""), json={})
            # What a path or a body must look like may be said to anybody.
            assert answer.status_code in {401, 422}, (method, path, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"
            assert json.loads(answer.content)["code"] in {"not_authenticated", "invalid_request"}
