"""Turns fields of API objects into checked plain values: identity, version, times, addresses, labels. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

import pandas as pd

from collectors.addresses import canonical_ip
from collectors.errors import UnreadableInput
from collectors.kinds import KINDS

Dict = Mapping[str, Any]

# API times are cut to whole seconds: what ended "at" a second may have lived until the next one began.
CLOCK_GRAIN = pd.Timedelta(seconds=1)

_GROUPS = {kind.kind: {kind.group, "extensions"} for kind in KINDS}

# etcd counts its revisions in 64 bits.
_VERSION_DIGITS = 19


def metadata(item: Dict) -> Dict:
    """Return the object's metadata; empty where it has none."""
    meta = item.get("metadata")
    return meta if isinstance(meta, Mapping) else {}


def kind_of(item: Dict) -> str:
    """Return the object's kind; `Service.serving.knative.dev` where the name is one of ours and the group is not."""
    kind, version = str(item.get("kind", "")), str(item.get("apiVersion", ""))
    group = version.rpartition("/")[0]
    return f"{kind}.{group}" if version and group not in _GROUPS.get(kind, {group}) else kind


def uid_of(item: Dict) -> str:
    """Return the object's uid, else its namespace and name."""
    meta = metadata(item)
    return str(meta.get("uid") or f"{meta.get('namespace', '')}/{meta.get('name', '')}")


def version_of(item: Dict) -> int:
    """Return the object's resourceVersion as the number that orders it; 0 where it has none."""
    return version_number(metadata(item).get("resourceVersion"))


def version_number(value: object) -> int:
    """Return a resourceVersion as a number; 0 where it is none."""
    text = str(value or "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _VERSION_DIGITS else 0


def name_of(item: Dict) -> tuple[str, str]:
    """Return the object's namespace and name."""
    meta = metadata(item)
    return str(meta.get("namespace", "")), str(meta.get("name", ""))


def created_at(item: Dict) -> pd.Timestamp | None:
    """Return when the object was created."""
    return time_of(metadata(item).get("creationTimestamp"))


def time_of(text: object) -> pd.Timestamp | None:
    """Return an RFC 3339 time in UTC; None where there is none, or only Go's zero time.

    Raises ValueError where it is no such time, has no zone, or is out of the range that frames can hold.
    """
    return _parsed(str(text)) if text else None


@lru_cache(maxsize=65536)  # the pods of a snapshot share their times
def _parsed(text: str) -> pd.Timestamp | None:
    if text.startswith("0001-01-01T00:00:00"):
        return None
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError(f"time without a zone: {text[:40]!r}")
    return pd.Timestamp(time).tz_convert("UTC").as_unit("ns")


def addresses_of(texts: Iterable[object]) -> tuple[str, ...]:
    """Return canonical addresses in order, each once, without what is none (a headless Service says `None`)."""
    found: dict[str, None] = {}
    for text in dict.fromkeys(str(text) for text in texts if text):
        try:
            found[_canonical(text)] = None
        except ValueError:
            continue
    return tuple(found)


_canonical = lru_cache(maxsize=65536)(canonical_ip)  # the versions of a pod share their addresses


def labels_of(value: object) -> dict[str, str]:
    """Return labels, sorted by key."""
    return {str(k): str(v) for k, v in sorted(value.items())} if isinstance(value, Mapping) else {}


def not_as_given(item: Dict, fault: Exception) -> UnreadableInput:
    """Return the sentence for an object with a field that no API server gives."""
    name = "/".join(part for part in (str(item.get("kind")), *name_of(item)) if part)
    return UnreadableInput(
        f"inventory: {name[:300]!r} has a field that is not as the API gives it ({str(fault)[:120]}); "
        "take the inventory again with `kubectl get -o json`"
    )
