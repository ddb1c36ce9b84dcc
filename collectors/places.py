"""Turns URLs into file systems of object stores, and whatever their drivers raise into one sentence.

`collectors.remote` reads and writes what is there; fsspec does the work, S3 through pyarrow's own client.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeGuard
from urllib.parse import urlsplit

from collectors.errors import PodfenceError, one_line

SCHEMES: Final = ("s3", "gs", "abfs", "file", "memory")
"""What a URL may begin with; `memory` is this process's own."""
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")

_REFUSED = re.compile(
    r"access.?denied|invalid.?access.?key|signature.?does.?not.?match|forbidden|unauthorized|credential|expired.?token"
    r"|\b40[13]\b|authenticat",
    re.IGNORECASE,
)
_UNREACHABLE = re.compile(
    r"network.?connection|could ?n.t (connect|resolve)|cannot connect|connection (refused|reset|timed out)|timed? ?out"
    r"|name or service not known|no route to host|unreachable",
    re.IGNORECASE,
)
_SECRET = re.compile(r"//[^/@]*@|[?#].*", re.DOTALL)


def is_url(text: object) -> TypeGuard[str]:
    """Return whether a text is a URL of any scheme, and no path."""
    return isinstance(text, str) and _URL.match(text) is not None


def system_of(url: str) -> tuple[Any, str]:
    """Return the file system of a URL and the path in it, without a slash at its end.

    Raises PodfenceError for a scheme that is none of SCHEMES, and where its driver is not installed.
    """
    scheme = urlsplit(url).scheme
    if scheme not in SCHEMES:
        raise PodfenceError(f"{shown(url)} is no URL that podfence uses: name s3://, gs://, abfs:// or file://.")
    try:
        import fsspec  # type: ignore[import-untyped] # noqa: PLC0415 - ships no types; late: only URLs need it
    except ImportError as fault:
        raise PodfenceError(f"{scheme}:// needs fsspec: run pip install 'podfence[push]'.") from fault
    if scheme == "s3":
        return _s3(url)
    try:
        remote, path = fsspec.core.url_to_fs(url, **({"auto_mkdir": True} if scheme == "file" else {}))
    except ImportError as fault:
        driver = getattr(fault.__cause__, "name", None) or scheme
        raise PodfenceError(f"{scheme}:// needs a driver that is not installed: run pip install {driver}.") from fault
    return remote, str(path).rstrip("/")


def _s3(url: str) -> tuple[Any, str]:
    """Return pyarrow's own S3: s3fs and kubernetes cannot be installed together, their dateutils differ."""
    from fsspec.implementations.arrow import ArrowFSWrapper  # type: ignore[import-untyped] # noqa: PLC0415 - as above
    from pyarrow.fs import AwsStandardS3RetryStrategy, S3FileSystem  # noqa: PLC0415 - late: takes its time

    parts = urlsplit(url)
    if parts.username or parts.password or parts.query or not parts.netloc:
        raise PodfenceError(
            f"{shown(url)} is no place in a bucket: write s3://BUCKET/PATH, and keys into AWS_ variables."
        )
    endpoint = urlsplit(os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or "")
    system = S3FileSystem(
        endpoint_override=endpoint.netloc or None,
        scheme=endpoint.scheme or None,
        region=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or None,
        connect_timeout=10,
        request_timeout=60,
        allow_delayed_open=True,  # one request for a small file instead of three
        retry_strategy=AwsStandardS3RetryStrategy(max_attempts=3),
    )
    return ArrowFSWrapper(system), (parts.netloc + parts.path).rstrip("/")


@contextmanager
def said(url: str) -> Iterator[None]:
    """Turn whatever a driver raises into a PodfenceError of one sentence, without what may be a secret."""
    try:
        yield
    except PodfenceError:
        raise
    except Exception as fault:  # each driver has errors of its own, and none is a reason to end a learner's days
        text = one_line(f"{type(fault).__name__}: {fault}".replace(url, shown(url)))
        if isinstance(fault, PermissionError) or _REFUSED.search(text):
            why, what = "refuses these credentials", "give ones that may list, read, write and delete there"
        elif isinstance(fault, ConnectionError | TimeoutError) or _UNREACHABLE.search(text):
            why, what = "cannot be reached", "check the address and the way to it"
        else:
            why, what = "cannot be used", "check that the bucket or folder is there"
        raise PodfenceError(f"{shown(url)} {why} ({text}): {what}.") from fault


def shown(url: str) -> str:
    """Return a URL for a sentence, without what may be a secret in it."""
    return one_line(_SECRET.sub(lambda found: "//" if found[0].startswith("//") else "", url))
