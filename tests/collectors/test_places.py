"""A text is a URL or a path, and a URL that is none of ours is refused in a sentence."""

from pathlib import Path

import pytest

from collectors.errors import PodfenceError
from collectors.places import is_url, system_of


def test_a_url_has_a_scheme_and_two_slashes():
    assert is_url("s3://bucket/x")
    assert is_url("memory://")
    assert not any(map(is_url, ("/mnt/x", "C:/x", "s3:/bucket", "a/b://c", "", Path("s3://bucket"))))


@pytest.mark.parametrize("url", ["http://host/x", "https://host/x", "ftp://host/x", "udp://host:1", "quux://x"])
def test_a_url_of_another_scheme_is_refused_in_a_sentence(url):
    with pytest.raises(PodfenceError, match=rf"^{url} is no URL that podfence uses: name s3://, .* file://\.$"):
        system_of(url)
