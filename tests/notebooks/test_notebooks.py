"""The notebooks run from top to bottom in any folder, lose no decision when run again, and are shipped stripped."""

import pytest

from recommender.desk import Desk
from recommender.store import load_decisions, load_policies
from tests.notebooks.running import NAMES, run, shipped, showing, shown

LONGEST_CELL = 12


def test_the_notebooks_are_the_steps_of_the_work():
    assert NAMES == ["01_observe.ipynb", "02_review.ipynb", "03_simulate_and_export.ipynb", "04_frames.ipynb"]


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_shipped_without_output_and_run_numbers(name):
    code = [cell for cell in shipped(name).cells if cell.cell_type == "code"]
    assert code
    assert [(cell.outputs, cell.execution_count) for cell in code] == [([], None)] * len(code)


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_has_a_heading_and_short_cells_without_logic_of_their_own(name):
    cells = shipped(name).cells
    assert cells[0].cell_type == "markdown"
    assert cells[0].source.startswith("# ")
    for cell in cells:
        lines = cell.source.splitlines()
        assert len(lines) <= LONGEST_CELL, lines[0]
        if cell.cell_type == "code":
            assert not [line for line in lines if line.startswith(("def ", "for ", "if ", "class ", "try", "while "))]


def test_01_observe_shows_the_capture_and_who_talked_to_whom(tmp_path):
    cells = run("01_observe.ipynb", tmp_path)
    assert "5,281 packets of 1 source" in showing(cells, "read_flows")
    assert "36 communications" in showing(cells, "pf.show(seen)")
    assert "coverage: learning" in showing(cells, "pf.coverage(")
    assert list(tmp_path.iterdir()) == []


def test_02_review_run_again_loses_no_decision_made_between(tmp_path):
    first = run("02_review.ipynb", tmp_path)
    assert "if exported now" in showing(first, "desk.what_if()")
    desk = Desk(tmp_path / "podfence-review", by="me")
    turned = next(key for key, decision in desk.decisions.items() if "DNS" in decision.why)
    fresh = desk.reviewed.undecided[0].id
    desk.decide([turned], "decline", "not this one")
    desk.decide([fresh], "accept", "that one")
    before = {decision.id: decision for decision in load_decisions(tmp_path / "podfence-review")}
    again = run("02_review.ipynb", tmp_path)
    after = {decision.id: decision for decision in load_decisions(tmp_path / "podfence-review")}
    assert after == before
    assert "0 decisions, 7 passed over as decided before" in showing(again, "dns = ")


def test_02_review_without_anywidget_says_what_to_install_and_goes_on(tmp_path):
    cells = run("02_review.ipynb", tmp_path, before="import sys\nsys.modules['anywidget'] = None")
    (cell,) = [cell for cell in cells if cell.source.startswith("pf.review_widget(")]
    assert "pip install 'podfence[notebook]'" in shown(cell, "text/plain")
    assert load_decisions(tmp_path / "podfence-review")


def test_03_simulate_and_export_writes_what_the_review_accepted_and_breaks_nothing(tmp_path):
    run("02_review.ipynb", tmp_path)
    desk = Desk(tmp_path / "podfence-review", by="me")
    turned = next(key for key, decision in desk.decisions.items() if decision.choice == "accept")
    desk.decide([turned], "decline")
    kept = load_decisions(tmp_path / "podfence-review")
    cells = run("03_simulate_and_export.ipynb", tmp_path)
    assert "23 accepted, 1 declined" in showing(cells, "reviewed = ")
    assert "<p>nothing</p>" in showing(cells, "pf.excess")
    assert shown(cells[-1], "text/plain") == "True"
    policies, _ = load_policies([tmp_path / "podfence-policies"])
    assert len(policies) > 4
    assert load_decisions(tmp_path / "podfence-review") == kept


def test_04_frames_draws_its_plots(tmp_path):
    cells = run("04_frames.ipynb", tmp_path)
    plots = [cell for cell in cells if ".plot" in cell.source]
    assert [bool(shown(cell, "image/png")) for cell in plots] == [True] * 3
    assert "198.51.100.23" in shown(cells[-1])
