"""How long the long forms are."""

import pytest


@pytest.fixture
def submits(request: pytest.FixtureRequest) -> int:
    """Through each bad line."""
    return int(request.config.getoption("--submits"))
