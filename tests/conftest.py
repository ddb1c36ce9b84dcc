"""Turns hypothesis to this suite's pace (few examples, always the same, no clock), and keeps files on one core each."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "suite",
    max_examples=25,
    deadline=None,  # the machine may be busy
    derandomize=True,  # what passes here passes in CI; `--hypothesis-seed` searches further
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("suite")


_ALONE = ("lab", "browser")
"""Folders whose tests share network namespaces or a server: all of one on the same core."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Name what pytest-xdist must not part: the tests of a file, which share what it sets up."""
    for item in items:
        folder = next((part for part in item.path.relative_to(Path(__file__).parent).parts if part in _ALONE), None)
        item.add_marker(pytest.mark.xdist_group(folder or str(item.path)))
