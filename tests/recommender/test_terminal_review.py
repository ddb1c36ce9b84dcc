"""One suggestion after the other: by lines from a pipe, and by keys on a real terminal that is given back as it was."""

import io
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time

import pytest

from collectors.errors import PodfenceError
from recommender.desk import HISTORY, Desk
from recommender.review import Decision
from recommender.reviewing_session import HELP, KEYS
from recommender.store import DECISIONS, load_decisions, save_decisions, save_suggestions
from recommender.terminal_review import Screen, review_at_terminal
from recommender.text import visible
from recommender.widening import Widening
from tests.cluster import flow
from tests.recommender.report.test_report_hostile import HOSTILE, spoken_by
from tests.recommender.test_suggest import _suggest

SEEN = _suggest(*(flow("10.0.0.1", "10.0.0.3", port) for port in (3000, 3001, 3002)), flow("10.0.0.3", "8.8.8.8", 443))
PORTS = {item.id: item.communication.port for item in SEEN.items}
BOTTOM = "if exported now: "
PODFENCE = (
    "import argparse, sys\n"
    "from recommender.cli_review import add_review\n"
    "parser = argparse.ArgumentParser()\n"
    "add_review(parser.add_subparsers(required=True), print, print)\n"
    "given = parser.parse_args()\n"
    "sys.exit(given.command(given))\n"
)
PATIENCE = 60


@pytest.fixture
def folder(tmp_path):
    save_suggestions(SEEN, tmp_path)
    return tmp_path


def typed(folder, *lines):
    """Review by lines from a pipe, and return what was shown."""
    out = io.StringIO()
    review_at_terminal(Desk(folder, "ann"), io.StringIO("".join(f"{line}\n" for line in lines)), out)
    return out.getvalue()


def _choices(folder):
    return {PORTS[decision.id]: decision.choice for decision in load_decisions(folder)}


def test_keys_decide_one_after_the_other_and_skip(folder):
    text = typed(folder, "a", "s", "d not ours", "q")
    assert _choices(folder) == {3000: "accept", 3002: "decline"}
    (declined,) = [decision for decision in load_decisions(folder) if decision.choice == "decline"]
    assert (declined.by, declined.why) == ("ann", "not ours")
    for at, port in enumerate((3000, 3001, 3002), start=1):
        assert f"{at} of 4   ingress of shop/Deployment/api   undecided" in text
        assert f"accepted: shop/Deployment/web -> shop/Deployment/api TCP/{port}" in text or port != 3000


def test_what_exporting_now_would_do_is_the_last_line_before_each_prompt(folder):
    screens = typed(folder, "a", "e", "y", "?", "x", "q").split(f"[{KEYS}] > ")
    assert len(screens) == 7
    assert all(screen.rstrip("\n").split("\n")[-1].startswith(BOTTOM) for screen in screens)
    assert "0 allowed, 0 would break" in screens[0]
    assert "1 allowed, 2 would break" in screens[1]


def test_the_undecided_come_first_and_the_end_is_told(folder):
    save_decisions([Decision(key, "accept") for key, port in PORTS.items() if port != 3002], folder)
    text = typed(folder, "s", "s", "s", "s", "a", "p", "q")
    assert text.index("TCP/3002") < text.index("TCP/3000")
    assert "that is all: 4 suggestions looked at, 1 undecided among them" in text
    assert "there is no suggestion here; f sets another filter, p goes back" in text


def test_input_that_ends_quits_and_empty_lines_do_nothing(folder):
    assert typed(folder, "", "  ").count(BOTTOM) == 2
    assert _choices(folder) == {}
    assert not (folder / DECISIONS).exists()


def test_the_last_change_is_taken_back_and_looked_at_again(folder):
    text = typed(folder, "s", "a", "u", "u", "q")
    assert _choices(folder) == {}
    assert "undone: 1 decision as before" in text
    assert "there is nothing to undo" in text
    assert text.count("2 of 4 ") == 3


def test_an_acceptance_opens_more_and_one_undo_takes_both_back(folder):
    typed(folder, "w ports=2999-3000", "w", "exact", "q")
    found = {PORTS[decision.id]: decision for decision in load_decisions(folder)}
    assert {port: (one.choice, one.widen) for port, one in found.items()} == {
        3000: ("accept", Widening(ports=(2999, 3000))), 3001: ("accept", Widening()),
    }  # fmt: skip
    typed(folder, "u", "u", "q")
    assert _choices(folder) == {}


def test_what_cannot_be_is_said_and_changes_nothing(folder):
    text = typed(folder, "w ports=1-2", "w ports=x", "w", "", "f caveat=odd", "f port=1 port=2", "z", "q")
    for part in (
        "what you ask for has `ports` that do not hold 3000", "`ports` is 'x'", "nothing was named: nothing was",
        "no caveat is called 'odd'", "`port` is asked for twice", "'z' is no key here; ? lists them",
    ):  # fmt: skip
        assert part in text
    assert _choices(folder) == {}


def test_a_filter_lays_the_way_anew_and_an_empty_one_takes_it_back(folder):
    text = typed(folder, "f namespace=shop port=3002", "a", "f", "", "q")
    assert _choices(folder) == {3002: "accept"}
    assert "1 suggestion to look at" in text
    assert "4 suggestions to look at" in text


def test_bulk_decides_the_undecided_of_this_direction_within_the_filter(folder):
    text = typed(folder, "d", "p", "b", "no", "b", "a", "q")
    assert _choices(folder) == {3000: "decline", 3001: "accept", 3002: "accept"}
    assert "2 undecided suggestions of ingress of shop/Deployment/api: a accepts all" in text
    assert "neither: nothing was decided" in text
    assert "accepted: 2 suggestions of ingress of shop/Deployment/api; 1 were decided already" in text
    assert "4 of 4   egress of shop/Deployment/api   undecided" in text
    assert "nothing of ingress of shop/Deployment/api is undecided among these" in typed(folder, "s", "b a", "q")


def test_bulk_leaves_what_the_filter_hides(folder):
    typed(folder, "f port=3001", "b d", "q")
    assert _choices(folder) == {3001: "decline"}


def test_a_reason_goes_with_every_decision_that_follows(folder):
    text = typed(folder, "r asked the owners", "a", "b d", "r", "", "w exact", "q")
    whys = {PORTS[decision.id]: decision.why for decision in load_decisions(folder)}
    assert whys == {3000: "asked the owners", 3001: "asked the owners", 3002: "asked the owners", 443: ""}
    assert "no reason is recorded from now on" in text


def test_lines_that_are_no_utf8_are_survived(folder):
    done = subprocess.run(
        [sys.executable, "-c", PODFENCE, "review", str(folder), "--by", "ann"],
        input=b"\xff\xfe\na \xff\nq\n", capture_output=True, check=False,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    assert (done.returncode, _choices(folder)) == (0, {3000: "accept"}), done.stderr


def test_evidence_yaml_and_help_are_shown_on_asking(folder):
    text = typed(folder, "e", "y", "?", "q")
    assert "who began     the handshake was seen" in text
    assert "# would be part of this policy:" in text
    assert "name: api-podfence" in text
    assert all(line in text for line in HELP)
    assert {key for line in HELP for key in re.findall(r"(?:^|  )(\S)  ", line)} == set(KEYS.split())


def test_what_somebody_else_wrote_meanwhile_is_read_and_not_overwritten(folder):
    (other,) = [key for key, port in PORTS.items() if port == 443]

    class Lines(io.StringIO):
        def readline(self, *_):
            line = super().readline()
            if line == "a\n":
                Desk(folder, "bob").decide([other], "decline")
            return line

    out = io.StringIO()
    review_at_terminal(Desk(folder, "ann"), Lines("a\nd\nq\n"), out)
    assert "somebody else wrote the decisions: they were read again, and yours was not written" in out.getvalue()
    assert _choices(folder) == {443: "decline", 3000: "decline"}


def test_a_file_that_can_no_longer_be_read_ends_the_session_with_its_sentence(folder):
    desk = Desk(folder, "ann")
    (folder / DECISIONS).write_text("{")
    with pytest.raises(PodfenceError, match=r"decisions\.yaml"):
        review_at_terminal(desk, io.StringIO("a\n"), io.StringIO())
    assert (folder / DECISIONS).read_text() == "{"


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_visible_text_on_the_screen(tmp_path, name):
    save_suggestions(spoken_by(name).reviewed.suggestions, tmp_path)
    text = typed(tmp_path, f"r {name.splitlines()[0]}", "e", "y", "a", "d", "u", "p", "q")
    assert visible(name) in text
    assert all(line == visible(line) for line in text.split("\n"))


def test_no_colours_where_nobody_sees_them_or_somebody_asked_for_none(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setenv("TERM", "xterm")
    for name, value, coloured in (("NO_COLOR", "", True), ("NO_COLOR", "1", False), ("TERM", "dumb", False)):
        with monkeypatch.context() as patched:
            patched.delenv("NO_COLOR", raising=False)
            patched.setenv(name, value)
            out = Terminal()
            Screen(out).draw(["one", "two"], "bottom")
            assert ("\x1b[" in out.getvalue()) == coloured
    out = io.StringIO()
    Screen(out).draw(["one"], "bottom")
    assert out.getvalue() == "one\n\nbottom\n"


def test_the_bottom_line_is_at_the_bottom_of_a_terminal(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("LINES", "20")
    out = Terminal()
    Screen(out).draw(["x" * 100, "two"], "bottom")
    plain = re.sub(r"\x1b\[[0-9]*[A-Za-z]", "", out.getvalue())
    rows = [row for line in plain.split("\n") for row in ([line[i : i + 40] for i in range(0, len(line), 40)] or [""])]
    assert rows.index("bottom") == 18
    assert len(rows) == 20


class Pty:
    """`podfence review` on a terminal of its own."""

    def __init__(self, folder, **environment):
        self.master, slave = pty.openpty()
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.seen = ""
        self.process = subprocess.Popen(
            [sys.executable, "-c", PODFENCE, "review", str(folder), "--by", "ann"],
            stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "40", **environment},
        )  # fmt: skip

    def wait_for(self, text):
        """Read until a text comes, and return all that came with it."""
        end = time.monotonic() + PATIENCE
        while text not in self.seen:
            assert time.monotonic() < end, f"{text!r} did not come; {self.seen!r} did"
            if select.select([self.master], [], [], 1)[0]:
                self.seen += os.read(self.master, 65536).decode()
        shown, found, self.seen = self.seen.partition(text)
        return shown + found

    def press(self, keys):
        """Send keys as a keyboard does."""
        os.write(self.master, keys.encode())

    def end(self):
        """Wait until it has ended, reading what it still says, and return its status and the terminal's settings."""
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            assert time.monotonic() < end
            if select.select([self.master], [], [], 0.05)[0]:
                self.seen += os.read(self.master, 65536).decode()
        return self.process.returncode, termios.tcgetattr(self.slave)

    def close(self):
        """End it, and the terminal with it."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def terminal(folder):
    opened = []

    def at(**environment):
        opened.append(Pty(folder, **environment))
        return opened[-1]

    yield at
    for one in opened:
        one.close()


PROMPT = f"[{KEYS}] > "


def test_single_keys_decide_on_a_terminal_and_lines_are_asked_for(folder, terminal):
    here = terminal(NO_COLOR="")
    assert "\x1b[" in here.wait_for(PROMPT)
    here.press("a")
    assert "accepted: shop/Deployment/web" in here.wait_for(PROMPT)
    here.press("w")
    here.wait_for("or exact: ")
    here.press("ports=3001-3009\n")
    assert "opens beyond what was seen: ports 3001-3009" in here.wait_for(PROMPT)
    here.press("f")
    here.wait_for("(empty: all): ")
    here.press("port=443\n")
    assert "1 suggestion to look at" in here.wait_for(PROMPT)
    here.press("d")
    here.wait_for(PROMPT)
    here.press("q")
    assert here.end() == (0, here.before)
    assert _choices(folder) == {3000: "accept", 3001: "accept", 443: "decline"}


def _pasted(text):
    """Return what a terminal sends that was asked to mark what is pasted."""
    return f"\x1b[200~{text}\x1b[201~"


def test_a_text_that_is_pasted_decides_nothing_and_says_so(folder, terminal):
    here = terminal()
    assert "\x1b[?2004h" in here.wait_for(PROMPT)
    here.press(_pasted("a d\nbaq\x1b[A \u00e9"))
    assert "what was pasted is no key: nothing was decided" in here.wait_for(PROMPT)
    assert not (folder / HISTORY).exists()
    here.press("sa")
    here.wait_for("accepted: ")
    here.press("q")
    assert here.end() == (0, here.before)
    assert here.seen.rstrip().rpartition("\x1b[?2004")[2].startswith("l")
    assert _choices(folder) == {3001: "accept"}


def test_lines_that_are_pasted_where_one_is_asked_for_become_one_and_none_of_them_is_keys(folder, terminal):
    here = terminal()
    here.wait_for(PROMPT)
    here.press("r")
    here.wait_for("(empty: none): ")
    here.press("we " + _pasted("asked\nb\n\na\n\x1b[A") + " \u00e9\n")
    assert "reason from now on: we asked b a [A \u00e9" in here.wait_for(PROMPT)
    assert not (folder / HISTORY).exists()
    here.press("a")
    here.wait_for(PROMPT)
    here.press("q")
    assert here.end()[0] == 0
    assert [decision.why for decision in load_decisions(folder)] == ["we asked b a [A \u00e9"]


def test_a_line_is_corrected_as_it_is_typed(terminal):
    here = terminal()
    here.wait_for(PROMPT)
    here.press("r")
    here.wait_for("(empty: none): ")
    here.press("wrong\x15asked them\x17noboby\x7f\x08dy\x1b[D\t\n")
    assert "reason from now on: asked nobody" in here.wait_for(PROMPT)
    here.press("r")
    here.wait_for("(empty: none): ")
    here.press("\x04")
    assert "no reason is recorded from now on" in here.wait_for(PROMPT)
    here.press("q")
    assert here.end() == (0, here.before)


def test_arrow_keys_decide_nothing_and_no_colour_is_kept_to(folder, terminal):
    here = terminal(NO_COLOR="1")
    shown = here.wait_for(PROMPT)
    here.press("\x1b[A\x1b[1;5D\x1bOd\x1ba é?")
    shown += here.wait_for("?  this help")
    shown += here.wait_for(PROMPT)
    here.press("\x04")
    assert here.end() == (0, here.before)
    assert "\x1b" not in shown.replace("\x1b[?2004h", "")
    assert not (folder / HISTORY).exists()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, None)])
def test_whatever_ends_it_gives_the_terminal_back(folder, terminal, number, status):
    here = terminal()
    here.wait_for(PROMPT)
    here.press("a")
    here.wait_for(PROMPT)
    assert termios.tcgetattr(here.slave) != here.before
    here.process.send_signal(number)
    found, after = here.end()
    assert after == here.before
    assert found == status or (status is None and found != 0)
    assert _choices(folder) == {3000: "accept"}
