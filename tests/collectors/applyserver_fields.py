"""Turns what managers write into an object and who holds its fields, for tests/collectors/applyserver.py."""

import copy
from collections.abc import Mapping
from typing import Any

TIME = "2026-11-22T23:00:38Z"


class Refusal(Exception):
    """A Status other than success."""

    def __init__(self, code: int, reason: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
                     "reason": reason, "details": details, "code": code}  # fmt: skip


def _fields(item: Mapping[str, Any] | None) -> dict[tuple[str, ...], Any]:
    """The fields of an object that somebody may hold, with their values."""
    if item is None:
        return {}
    meta = item["metadata"]
    pairs = {(part, key): value for part in ("labels", "annotations") for key, value in (meta.get(part) or {}).items()}
    return pairs | {("spec", key): value for key, value in (item.get("spec") or {}).items()}


def _built(fields: Mapping[tuple[str, ...], Any], key: Mapping[str, Any], entries: list[Any]) -> dict[str, Any]:
    meta: dict[str, Any] = {"name": key["name"], "namespace": key["namespace"]}
    spec = {}
    for (part, name), value in sorted(fields.items()):
        if part == "spec":
            spec[name] = value
        else:
            meta.setdefault(part, {})[name] = value
    meta["managedFields"] = [entry for entry in entries if entry["fieldsV1"]]
    whole = {"kind": "NetworkPolicy", "apiVersion": "networking.k8s.io/v1", "metadata": meta, "spec": spec}
    return copy.deepcopy(whole)


def _entry(manager: str, operation: str, names: Any) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for part, name in sorted(names):
        if part == "spec":
            told.setdefault("f:spec", {})[f"f:{name}"] = {}
        else:
            told.setdefault("f:metadata", {}).setdefault(f"f:{part}", {".": {}})[f"f:{name}"] = {}
    return {"manager": manager, "operation": operation, "apiVersion": "networking.k8s.io/v1", "time": TIME,
            "fieldsType": "FieldsV1", "fieldsV1": told}  # fmt: skip


def _names(entry: Mapping[str, Any]) -> set[tuple[str, ...]]:
    told = entry["fieldsV1"]
    of_meta = told.get("f:metadata", {})
    pairs = {(p, key[2:]) for p in ("labels", "annotations") for key in of_meta.get(f"f:{p}", {}) if key != "."}
    return pairs | {("spec", key[2:]) for key in told.get("f:spec", {})}


def _owners(item: Mapping[str, Any] | None) -> dict[tuple[str, str], set[tuple[str, ...]]]:
    entries = [] if item is None else item["metadata"].get("managedFields") or []
    return {(entry["manager"], entry["operation"]): _names(entry) for entry in entries}


def _dump(owners: Mapping[tuple[str, str], Any]) -> list[Any]:
    return [_entry(manager, operation, names) for (manager, operation), names in sorted(owners.items())]


def applied(held: Any, wanted: Mapping[str, Any], manager: str, *, forced: bool) -> dict[str, Any]:
    """Server-side apply: take what is wanted, drop what only this manager held, refuse what others hold."""
    _validate(wanted)
    mine = manager, "Apply"
    values, fresh, owners = _fields(held), _fields(wanted), _owners(held)
    changed = {name for name, value in fresh.items() if name in values and values[name] != value}
    conflicts = [(who, name) for who, names in owners.items() if who != mine for name in sorted(names & changed)]
    if conflicts and not forced:
        raise _conflict(conflicts)
    owners = {who: names if who == mine else names - changed for who, names in owners.items()}
    others = {name for who, names in owners.items() if who != mine for name in names}
    kept = {
        name: v for name, v in values.items() if name not in owners.get(mine, set()) - fresh.keys() or name in others
    }
    return _built({**kept, **fresh}, wanted["metadata"], _dump({**owners, mine: set(fresh)}))


def written(held: Any, item: Mapping[str, Any], manager: str, operation: str) -> dict[str, Any]:
    """A whole object in the place of another: who changes a field holds it."""
    _validate(item)
    values, fresh = _fields(held), _fields(item)
    owners = _owners(item) or _owners(held)
    changed = {name for name in values.keys() | fresh.keys() if values.get(name) != fresh.get(name)}
    owners = {who: (names - changed) & fresh.keys() for who, names in owners.items()}
    mine = owners.get((manager, operation), set()) | (changed & fresh.keys())
    return _built(fresh, item["metadata"], _dump({**owners, (manager, operation): mine}))


def _validate(item: Mapping[str, Any]) -> None:
    for rule in item["spec"].get("ingress") or []:
        for port in rule.get("ports") or []:
            if isinstance(port.get("port"), int) and not 0 < port["port"] < 65536:
                name, where = item["metadata"]["name"], "spec.ingress[0].ports[0].port"
                why = f"Invalid value: {port['port']}: must be between 1 and 65535, inclusive"
                cause = {"reason": "FieldValueInvalid", "message": why, "field": where}
                message = f'NetworkPolicy.networking.k8s.io "{name}" is invalid: {where}: {why}'
                raise Refusal(422, "Invalid", message, name=name, causes=[cause])


def _conflict(conflicts: list[Any]) -> Refusal:
    def path(name: tuple[str, ...]) -> str:
        return f".spec.{name[1]}" if name[0] == "spec" else f".metadata.{name[0]}.{name[1]}"

    causes = [
        {"reason": "FieldManagerConflict", "message": f'conflict with "{manager}"', "field": path(name)}
        for (manager, _), name in conflicts
    ]
    first = f"{causes[0]['message']}: {causes[0]['field']}"
    message = f"Apply failed with {len(causes)} conflict{'s' if len(causes) > 1 else ''}: {first}"
    return Refusal(409, "Conflict", message, causes=causes)


def stale(key: tuple[str, str]) -> Refusal:
    message = (
        f'Operation cannot be fulfilled on networkpolicies.networking.k8s.io "{key[1]}": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )
    return Refusal(409, "Conflict", message, name=key[1], group="networking.k8s.io", kind="networkpolicies")
