"""Turns a command line into a call of the function of the same name; the only place that prints or exits.

Exit status: 0 fine, 1 a finding (accepted traffic would be denied, exported files differ), 2 bad usage or input.
Everything heavy is imported when a command runs, so that `--help` loads no pandas.
"""

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collectors.errors import PodfenceError, one_line, reason_of
from recommender.cli_adopt import add_adopt
from recommender.cli_apply import add_apply
from recommender.cli_diff import add_diff
from recommender.cli_drift import add_drift
from recommender.cli_export import add_export
from recommender.cli_graph import add_graph
from recommender.cli_inventory import add_inventory
from recommender.cli_learn import add_learn
from recommender.cli_options import (
    FINDING,
    OBSERVATIONS,
    add_command,
    add_decisions,
    add_generate,
    add_inventory_path,
    add_reading,
    add_sources,
    place,
    reading,
    run_options,
)
from recommender.cli_review import add_review
from recommender.cli_simulate import add_simulate
from recommender.interrupts import first_interrupt
from recommender.text import visible

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

    from collectors.observation import Observation
    from recommender.summary import Conclusion

BAD_INPUT = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    status: int = 0
    try:
        status = options.command(options)
        _print("", flush=True)
    except PodfenceError as fault:
        _say(f"podfence: {fault}")
        return BAD_INPUT
    except BrokenPipeError:  # the reader of our output (head, less) has gone: nothing is wrong
        _discard_output()
        return status
    except OSError as fault:  # a path that no system call takes, a disk that fails: the world, not podfence
        where = f"{one_line(fault.filename)}: " if fault.filename else ""
        _say(f"podfence: {where}{reason_of(fault)}; check the path, and who may read and write there")
        return BAD_INPUT
    except KeyboardInterrupt:
        _say("podfence: stopped; what was written before is whole")
        return 130
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="podfence",
        description="Watch what Kubernetes workloads say to each other, and write the smallest NetworkPolicies that "
        "still let them say it.",
        epilog="Exit status: 0 fine, 1 a finding, 2 bad usage or bad input. Data goes to stdout, talk to stderr.",
    )
    parser.add_argument("--version", action="version", version=f"podfence {_version()}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_whole_jobs(commands)
    add_inventory(commands, _print, _say)
    add_learn(commands, lambda text: _print(text, flush=True), _say)
    _add_stages(commands)
    add_export(commands, _print, _say)
    add_apply(commands, _print, _say)
    add_simulate(commands, _print, _say)
    add_adopt(commands, _print, _say)
    add_review(commands, _print, _say)
    add_diff(commands, _print, _say)
    add_drift(commands, _print, _say)
    add_graph(commands, _print, _say)
    return parser


def _add_whole_jobs(commands: Any) -> None:
    demo = add_command(commands, "demo", _demo, "the whole job on the bundled samples")
    told = "folder (default: %(default)s)"
    demo.add_argument("-o", "--output", type=Path, metavar="DIR", default=Path("podfence-demo"), help=told)
    run = add_command(commands, "run", _run, "the whole job on your captures and flow logs")
    add_sources(run)
    add_reading(run)
    add_inventory_path(run, required=False)
    told = "folder for observations, review, policies, report"
    run.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help=told)
    add_decisions(run)
    add_generate(run)


def _add_stages(commands: Any) -> None:
    observe = add_command(commands, "observe", _observe, "captures and flow logs -> observation store")
    add_sources(observe)
    told = "observation store; what is in it stays"
    observe.add_argument("-o", "--output", type=place, required=True, metavar="OBS", help=told)
    add_reading(observe)
    suggest = add_command(commands, "suggest", _suggest, "observation store + inventory -> suggestions to review")
    suggest.add_argument("observations", type=place, metavar="OBS", help=OBSERVATIONS)
    add_inventory_path(suggest, required=False)
    told = "review folder; its decisions stay"
    suggest.add_argument("-o", "--output", type=Path, required=True, metavar="REVIEW", help=told)
    add_decisions(suggest)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - late, see above

    try:
        return version("podfence")
    except PackageNotFoundError:
        return "(not installed)"


def _demo(given: argparse.Namespace) -> int:
    from recommender import pipeline  # noqa: PLC0415 - late, see above

    return _report(pipeline.demo(given.output), given.output, given.output / "review", as_json=given.json)


def _run(given: argparse.Namespace) -> int:
    with _workers(given) as ready:
        from recommender import pipeline  # noqa: PLC0415 - late, see above

        with _ending(given.sources) as stopped:
            how = reading(given, stopped, ready)
            conclusion = pipeline.run(given.sources, given.inventory, given.output, run_options(given), **how)
    _say_if_slow()
    _remark(conclusion.observation)
    return _report(conclusion, given.output, given.output / "review", as_json=given.json)


def _suggest(given: argparse.Namespace) -> int:
    from recommender import pipeline  # noqa: PLC0415 - late, see above

    conclusion = pipeline.suggest(given.observations, given.inventory, given.output, run_options(given))
    return _report(conclusion, given.output, given.output, as_json=given.json)


def _report(conclusion: "Conclusion", folder: Path, review: Path, *, as_json: bool) -> int:
    from recommender.summary import summary_data, summary_text  # noqa: PLC0415 - late, see above

    _print(json.dumps(summary_data(conclusion), indent=2) if as_json else summary_text(conclusion))
    _say(f"written to {folder}: open {folder / 'report.html'} for the evidence behind each rule")
    if waiting := len(conclusion.reviewed.undecided):
        wait = "suggestion waits" if waiting == 1 else "suggestions wait"
        _say(f"{waiting} {wait}: decide with `podfence review {review}`, or pass --accept observed")
    return FINDING if conclusion.would_break else 0


def _observe(given: argparse.Namespace) -> int:
    with _workers(given) as ready:
        from collectors.observing import observe_into  # noqa: PLC0415 - late, see above
        from recommender.reading_words import observed_data, observed_text  # noqa: PLC0415 - late, see above

        with _ending(given.sources) as stopped:
            added = observe_into(given.sources, given.output, **reading(given, stopped, ready))
    _say_if_slow()
    _print(json.dumps(observed_data(added), indent=2) if given.json else observed_text(added))
    _remark(added.read)
    if added.known:
        _say(f"already in the store, not counted again: {', '.join(source.name for source in added.known)}")
    _say(f"written to {given.output}")
    return 0


def _workers(given: argparse.Namespace) -> "contextlib.AbstractContextManager[ProcessPoolExecutor | None]":
    """Return the processes that read, if several may: they import while this one does."""
    from collectors.processes import made_ready  # noqa: PLC0415 - late: it knows multiprocessing

    several = len(given.sources) > 1 or any(Path(source).is_dir() for source in given.sources)
    return made_ready(given.workers if several and given.engine == "local" else 1)


def _ending(sources: Sequence[str]) -> "contextlib.AbstractContextManager[Callable[[], bool]]":
    """Return what ends the reading of sources that have no end of their own, at the first Ctrl-C."""
    endless = [source for source in sources if source == "-" or source.startswith("udp://")]
    if not endless:
        from collectors.series import never  # noqa: PLC0415 - late, see above

        return contextlib.nullcontext(never)  # a name: other processes are told it, too
    heard = ", ".join("stdin" if source == "-" else source for source in endless)
    _say(f"reading {heard}: Ctrl-C ends it, and what came is stored")
    return first_interrupt(_say)


def _remark(observation: "Observation") -> None:
    from recommender.reading_words import remarks  # noqa: PLC0415 - late, see above

    for sentence in remarks(observation):
        _say(sentence)


def _say_if_slow() -> None:
    from collectors.capture.kernel import is_compiled  # noqa: PLC0415 - late, see above

    if not is_compiled():
        _say("no compiled decoder: captures are read slowly; install a C compiler and podfence again")


def _print(text: str, *, flush: bool = False) -> None:
    if sys.stdout is None:  # closed by whoever called us: there is nobody to tell
        return
    try:
        if text:
            sys.stdout.write("".join(line + "\n" for line in map(visible, text.split("\n"))))
        if flush:
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as fault:
        _discard_output()
        raise PodfenceError(
            f"the output cannot be written ({fault.strerror}); make room, or send it elsewhere"
        ) from fault


def _discard_output() -> None:
    """Send what still waits to be written where nothing fails: Python writes it at the very end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say(text: str) -> None:
    with contextlib.suppress(OSError):  # nobody hears it; what it is about is in the exit status
        if sys.stderr is not None:
            sys.stderr.write(visible(text) + "\n")


if __name__ == "__main__":
    sys.exit(main())
