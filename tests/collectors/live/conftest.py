"""The lab's right to make network namespaces, for tests of live interfaces."""

from tests.lab.conftest import lab_rights  # noqa: F401 - a fixture
