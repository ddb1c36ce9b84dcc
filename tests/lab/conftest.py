"""The lab's fixtures: skipped with a plain sentence where the machine cannot make one, failed where CI promised it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.lab import record
from tests.lab.netns import missing
from tests.lab.probes import Enforced, enforced


@pytest.fixture(scope="session")
def lab_rights() -> None:
    """Demand the right and the tools to build a lab."""
    if lacking := missing():
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI must run the lab, but {lacking}")
        pytest.skip(lacking)


@pytest.fixture(scope="session")
def recording(lab_rights: None, tmp_path_factory: pytest.TempPathFactory) -> record.Recording:  # noqa: ARG001
    """Return five seconds of the shop: captures, connection tracking, inventory."""
    return record.record(tmp_path_factory.mktemp("recorded") / "shop", 5)


@pytest.fixture(scope="module")
def shop_lab(lab_rights: None) -> Iterator[Enforced]:  # noqa: ARG001
    """Return the rolled-out shop, listening everywhere."""
    with enforced() as running:
        yield running
