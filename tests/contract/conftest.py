"""Deployments for the contract tests: started through the driver, one at a time, seeded, shared."""

from collections.abc import Iterator

import pytest

from bench.contract.conformance import World
from bench.contract.journey import Entry, run_journey
from bench.deployments.base import UpOptions
from bench.deployments.local.driver import LocalDeployment, open_deployment
from bench.deployments.local.home import StateHome

# The others run the code of `microservices` in other processes.
DEPLOYMENTS = (
    "monolith",
    pytest.param("modular", marks=pytest.mark.slow),
    pytest.param("modular-split", marks=pytest.mark.soak),
    "microservices",
    pytest.param("users+inventory|orders+payments", marks=pytest.mark.soak),
)


@pytest.fixture(scope="session", params=DEPLOYMENTS)
def deployment(request: pytest.FixtureRequest) -> Iterator[LocalDeployment]:
    """One deployment after the other; pytest runs all tests of one before it starts the next."""
    with open_deployment(str(request.param), options=UpOptions()) as running:
        yield running


@pytest.fixture(scope="session")
def world(deployment: LocalDeployment) -> Iterator[World]:
    """What contract cases are run against."""
    signing_key = StateHome.from_environment().keys / "signing.pem"
    shared = World(deployment.base_url, signing_key=signing_key)
    yield shared
    shared.client.close()


@pytest.fixture(scope="session")
def transcripts() -> dict[str, list[Entry]]:
    """Transcripts of the journey, by deployment, kept while deployments come and go."""
    return {}


@pytest.fixture
def transcript(deployment: LocalDeployment, transcripts: dict[str, list[Entry]]) -> list[Entry]:
    """This deployment's transcript of the journey."""
    if deployment.name not in transcripts:
        transcripts[deployment.name] = run_journey(deployment.base_url)
    return transcripts[deployment.name]


@pytest.fixture
def reference(transcript: list[Entry], transcripts: dict[str, list[Entry]]) -> list[Entry]:
    """The monolith's transcript; it is started for it if no test has run there before."""
    if "monolith" not in transcripts:
        with open_deployment("monolith", options=UpOptions()) as monolith:
            transcripts["monolith"] = run_journey(monolith.base_url)
    return transcripts["monolith"]
