"""Steps of the saga are decided by the tests of this folder, never by time."""

import pytest

from microservices.orders import saga


@pytest.fixture(autouse=True)
def _no_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saga, "INLINE_COMPENSATION_S", None)
