"""Runs `podfence export` and `podfence apply` as the command does: status, what is printed, what is said."""

import argparse

from collectors.errors import PodfenceError
from recommender.cli_apply import add_apply
from recommender.cli_export import add_export
from recommender.text import visible


def podfence(*words):
    """Return exit status, stdout and stderr of a command line."""
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers()
    shown, said = [], []
    for add in (add_export, add_apply):
        add(commands, shown.append, lambda text: said.append(visible(text)))
    given = parser.parse_args([str(word) for word in words])
    try:
        status = given.command(given)
    except PodfenceError as fault:
        said.append(visible(f"podfence: {fault}"))
        status = 2
    return status, "\n".join(text for text in shown if text), "\n".join(said)
