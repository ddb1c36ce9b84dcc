"""Turns `podfence review` into decisions at a desk, and what was decided into lines or JSON."""

import argparse
import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collectors.errors import PodfenceError, one_line
from recommender.cli_options import FINDING, Say, add_command

if TYPE_CHECKING:
    from recommender.desk import Change, Desk
    from recommender.filters import Filter
    from recommender.review import Choice
    from recommender.suggest import Suggestion
    from recommender.widening import Widening

_FILTERS = {
    "workload": ("NAME", "either end: name, namespace/name or namespace/Kind/name; * stands for any letters"),
    "namespace": ("NAME", "either end's namespace"),
    "peer": ("TEXT", "a part of what either end is written as"),
    "port": ("PORT", "443, or TCP/443"),
    "caveat": ("NAME", "such as seen_once"),
    "status": ("STATUS", "accepted, declined, undecided or stale"),
    "text": ("TEXT", "a part of anything that is said of it"),
}


def add_review(commands: Any, show: Say, say: Say) -> None:
    """Add `review` and its own commands; `show` prints data, `say` talks."""
    text = "decide on suggestions: one after the other on a terminal, or by the commands behind REVIEW"
    review = commands.add_parser("review", help=text, description=text)
    review.add_argument("review", type=Path, metavar="REVIEW", help="review folder, as `podfence suggest` writes it")
    _add_by(review, None)
    review.set_defaults(command=_interactive)
    parts = review.add_subparsers(title="commands", metavar="COMMAND")
    listed = add_command(parts, "list", lambda given: _list(given, show), "suggestions by workload and direction")
    _add_filters(listed)
    listed.add_argument("--limit", type=int, metavar="N", help="show the first N")
    shown = add_command(parts, "show", lambda given: _show(given, show), "everything about suggestions, with the YAML")
    _add_ids(shown, "+")
    for choice in ("accept", "decline"):
        text = f"{choice} suggestions: those of these ids, or the undecided ones that a filter asks for"
        decide = add_command(parts, choice, lambda given, choice=choice: _decide(given, choice, show, say), text)  # type: ignore[misc]  # the default is how a loop's value is kept
        _add_ids(decide, "*")
        _add_filters(decide)
        decide.add_argument("--all", action="store_true", help="all that is undecided")
        _add_why(decide)
    _add_widen(parts, show, say)
    text = "take decisions back: undecided again, and orphans are gone"
    forget = add_command(parts, "forget", lambda given: _forget(given, show, say), text)
    _add_ids(forget, "+")
    _add_by(forget)
    text = "take the last change back, and the one before when it is asked again"
    undo = add_command(parts, "undo", lambda given: _undo(given, show, say), text)
    _add_by(undo)
    text = "counts, what exporting now would do, and what is half decided, stale or an orphan"
    status = add_command(parts, "status", lambda given: _status(given, show), text)
    status.add_argument("--check", action="store_true", help="exit 1 where anything is undecided, stale or would break")
    status.add_argument(
        "--default-deny", action="store_true", help="as if exported with --default-deny, which closes whole namespaces"
    )


def _add_widen(parts: Any, show: Say, say: Say) -> None:
    text = "let one acceptance open more than was seen; what it opened beyond before is replaced"
    widen = add_command(parts, "widen", lambda given: _widen(given, show, say), text)
    _add_ids(widen, None)
    widen.add_argument("--addresses", metavar="CIDR", help="a range that holds the address that was seen")
    widen.add_argument("--except", dest="excepts", action="append", metavar="CIDR", help="but not these of the range")
    widen.add_argument("--ports", metavar="A-B", help="ports that hold the one that was seen")
    widen.add_argument("--protocols", nargs="+", metavar="NAME", help="such as TCP UDP")
    widen.add_argument(
        "--service-port",
        type=int,
        action="append",
        metavar="N",
        help="a Service's port beside the pod's, at the source",
    )
    for end in ("source", "destination"):
        widen.add_argument(f"--{end}-namespace", action="store_true", help=f"every pod of the {end}'s namespace")
    widen.add_argument("--exact", action="store_true", help="exactly what was seen, and no option is to change that")
    _add_why(widen)


def _add_ids(parser: argparse.ArgumentParser, count: str | None) -> None:
    if count is None:
        parser.add_argument("ids", metavar="ID", help="id of a suggestion, as `list` prints it")
    else:
        parser.add_argument("ids", metavar="ID", nargs=count, help="ids of suggestions, as `list` prints them")


def _add_filters(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("which suggestions (all of these must hold)")
    for name, (form, text) in _FILTERS.items():
        group.add_argument(f"--{name}", metavar=form, help=text)


def _add_why(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--why", default="", metavar="TEXT", help="the reason, for those who read decisions.yaml")
    _add_by(parser)


def _add_by(parser: argparse.ArgumentParser, default: str | None = argparse.SUPPRESS) -> None:
    text = "who decides (default: git's user.name in the folder, else the login name)"
    parser.add_argument("--by", metavar="NAME", default=default, help=text)


def _interactive(given: argparse.Namespace) -> int:
    from recommender.terminal_review import review_at_terminal  # noqa: PLC0415 - late: --help loads nothing heavy

    if sys.stdin is None or sys.stdout is None:  # closed by whoever started us
        raise PodfenceError("there is no input to read keys from, or no output; use `list`, `accept` and the like")
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")  # a wrong byte is a wrong key, and no fault
    review_at_terminal(_desk(given, deciding=True), sys.stdin, sys.stdout)
    return 0


def _list(given: argparse.Namespace, show: Say) -> int:
    from recommender.filters import chosen  # noqa: PLC0415 - late, as above
    from recommender.reviewing import Standing, list_data, list_lines  # noqa: PLC0415 - late, as above

    if given.limit is not None and given.limit < 1:
        raise PodfenceError(f"--limit {given.limit} would show nothing; give 1 or more")
    standing = Standing(_desk(given).reviewed)
    items = chosen(standing.reviewed, _filter(given))
    if given.json:
        show(json.dumps(list_data(standing, items, given.limit), indent=2))
    else:
        show("\n".join(list_lines(standing, items, given.limit)))
    return 0


def _show(given: argparse.Namespace, show: Say) -> int:
    from recommender.reviewing import Standing  # noqa: PLC0415 - late, as above
    from recommender.reviewing_show import show_data, show_lines  # noqa: PLC0415 - late, as above

    desk = _desk(given)
    standing = Standing(desk.reviewed)
    items = _items(desk, given.ids)
    if given.json:
        show(json.dumps({"suggestions": [show_data(standing, item) for item in items]}, indent=2))
    else:
        show("\n\n".join("\n".join(show_lines(standing, item)) for item in items))
    return 0


def _items(desk: "Desk", ids: list[str]) -> list["Suggestion"]:
    from recommender.filters import Filter, chosen  # noqa: PLC0415 - late, as above

    known = {item.id: item for item in chosen(desk.reviewed, Filter())}
    for key in ids:
        if key not in known:
            raise PodfenceError(f"{one_line(key, 40)!r} is the id of no suggestion in {desk.folder}; see `list`")
    return [known[key] for key in dict.fromkeys(ids)]


def _decide(given: argparse.Namespace, choice: "Choice", show: Say, say: Say) -> int:
    from recommender.filters import chosen  # noqa: PLC0415 - late, as above

    wanted = _filter(given)
    if given.ids and (wanted or given.all):
        raise PodfenceError("ids and a filter were given; give ids, which decide again, or a filter, which does not")
    if not (given.ids or wanted or given.all):
        raise PodfenceError(f"nothing says what to {choice}; give ids, a filter such as --namespace, or --all")
    desk = _desk(given, deciding=True)
    if given.ids:
        change = desk.decide(dict.fromkeys(given.ids), choice, given.why)
    else:
        ids = [item.id for item in chosen(desk.reviewed, wanted)]
        if not ids:
            say("no suggestion is like that")
        change = desk.decide_undecided(ids, choice, given.why)
    _report(given, desk, change, show, say)
    return 0


def _widen(given: argparse.Namespace, show: Say, say: Say) -> int:
    widening = _widening(given)
    desk = _desk(given, deciding=True)
    _report(given, desk, desk.widen(given.ids, widening, given.why), show, say)
    return 0


def _widening(given: argparse.Namespace) -> "Widening":
    from recommender.reviewing_words import widening_of  # noqa: PLC0415 - late, as above
    from recommender.widening import NAMESPACE, Widening  # noqa: PLC0415 - late, as above

    named = {
        "addresses": given.addresses,
        "except": given.excepts,
        "ports": given.ports,
        "protocols": [name.upper() for name in given.protocols or []],
        "service_ports": given.service_port,
        "source": NAMESPACE if given.source_namespace else None,
        "destination": NAMESPACE if given.destination_namespace else None,
    }
    data = {name: value for name, value in named.items() if value}
    if bool(data) == given.exact:
        raise PodfenceError("name what to open beyond what was seen, such as --ports 8000-8010, or --exact: not both")
    return Widening() if given.exact else widening_of(data)


def _forget(given: argparse.Namespace, show: Say, say: Say) -> int:
    desk = _desk(given, deciding=True)
    for key in given.ids:
        if key not in desk.decisions:
            raise PodfenceError(f"nobody has decided on {one_line(key, 40)!r}: there is nothing to forget; see `list`")
    _report(given, desk, desk.forget(given.ids), show, say)
    return 0


def _undo(given: argparse.Namespace, show: Say, say: Say) -> int:
    from recommender.desk import Change  # noqa: PLC0415 - late, as above

    desk = _desk(given, deciding=True)
    change = desk.undo()
    if change is None:
        say("there is nothing to undo")
    _report(given, desk, change or Change("undo"), show, say)
    return 0


def _report(given: argparse.Namespace, desk: "Desk", change: "Change", show: Say, say: Say) -> None:
    """Print what a change did, and what exporting now would do."""
    from recommender.reviewing_changes import change_data, change_lines  # noqa: PLC0415 - late, as above

    found = desk.what_if()
    show(json.dumps(change_data(change, found), indent=2) if given.json else "\n".join(change_lines(change)))
    if not given.json:
        show(str(found))
    if change.skipped:
        say(f"{change.skipped} passed over: they are decided already (stale ones too); decide them again by id")


def _status(given: argparse.Namespace, show: Say) -> int:
    from recommender.reviewing import Standing, status_data, status_lines  # noqa: PLC0415 - late, as above

    standing = Standing(_desk(given).reviewed, default_deny=given.default_deny)
    show(json.dumps(status_data(standing), indent=2) if given.json else "\n".join(status_lines(standing)))
    return FINDING if given.check and not standing.finished else 0


def _filter(given: argparse.Namespace) -> "Filter":
    from recommender.filters import Filter  # noqa: PLC0415 - late, as above

    wanted = {name: getattr(given, name) for name in _FILTERS}
    for name, value in wanted.items():
        if value is not None and not value.strip():  # an empty shell variable, say: without it more would be meant
            raise PodfenceError(f"--{name} is empty; name what you mean, or leave it out")
    return Filter(**{name: value or "" for name, value in wanted.items()})


def _desk(given: argparse.Namespace, *, deciding: bool = False) -> "Desk":
    """Return the desk of the folder; who decides is found out only where somebody does."""
    from recommender.desk import Desk  # noqa: PLC0415 - late, as above
    from recommender.reviewing_who import whoever  # noqa: PLC0415 - late, as above

    by = whoever(given.review) if given.by is None and deciding else given.by or ""
    return Desk(given.review, by)
