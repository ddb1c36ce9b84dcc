"""What the table shows: which rows, in which order, a page at a time."""

from hypothesis import given
from hypothesis import strategies as st

from recommender.filters import Filter
from recommender.notebook.rows import PAGE, SORTS, Wanted, every_line, lines, one_line_of, page, place, places, shown
from recommender.review import decided, review
from recommender.what_if import what_if
from tests.recommender.notebook.reviews import large, shop

SEEN = shop()
KNOWN = places(SEEN)


def _lines(wanted, decisions=()):
    reviewed = review(SEEN, decisions)
    return lines(every_line(reviewed, what_if(reviewed), KNOWN), wanted)


def _accepted(port):
    return [decided(SEEN, item, "accept") for item in SEEN.items if item.communication.port == port]


def test_a_key_of_a_workload_or_namespace_filters_for_exactly_it():
    api = place(next(i for i in SEEN.items if i.communication.port == 5432).communication.src)
    ports = {name: sorted(line.item.communication.port for line in _lines(Wanted(**{name: api.key})))
             for name in ("touching", "source", "destination")}  # fmt: skip
    assert ports == {"touching": [53, 5432, 8080, 9090], "source": [5432], "destination": [53, 8080, 9090]}
    assert len(_lines(Wanted(touching=api.box))) == 6
    assert len(_lines(Wanted(source=api.box, destination=api.box))) == 4
    assert _lines(Wanted(touching="nonsense")) == ()


def test_what_would_break_can_be_filtered_for():
    found = _lines(Wanted(effect="would_break"), _accepted(5432))
    assert [line.item.communication.port for line in found] == [5433]


@given(st.sampled_from(SORTS), st.booleans(), st.sampled_from(["", "web", "shop", "5432"]))
def test_sorting_shows_the_same_rows_and_turning_the_order_around_turns_the_rows(sort, descending, text):
    wanted = Filter(text=text)
    found = _lines(Wanted(wanted, sort=sort, descending=descending), _accepted(5432))
    plain = _lines(Wanted(wanted))
    assert sorted(line.item.id for line in found) == sorted(line.item.id for line in plain)
    assert found == _lines(Wanted(wanted, sort=sort, descending=descending), _accepted(5432))


def test_pages_in_a_row_show_every_row_once():
    seen = large(workloads=40, rows=250, namespaces=4)
    reviewed, known = review(seen), places(seen)
    found = lines(every_line(reviewed, what_if(reviewed), known), Wanted())
    pages = [page(found, offset, Wanted(), known) for offset in range(0, len(found), PAGE)]
    assert [row["key"] for part in pages for row in part["rows"]] == [line.item.id for line in found]
    assert page(found, 10**9, Wanted(), known) == pages[-1]
    assert page((), 0, Wanted(), known)["rows"] == []


def test_a_page_repeats_what_was_asked_so_that_a_second_view_begins_there():
    wanted = Wanted(Filter(text="web", status="undecided"), effect="not_affected", sort="port", descending=True)
    asked = page(_lines(wanted), 0, wanted, KNOWN)["wanted"]
    names = {name: asked.pop(name) for name in ("text", "status", "caveat")}
    assert Wanted(Filter(**names), **asked) == wanted


def test_one_line_is_the_same_as_among_all():
    reviewed = review(SEEN, _accepted(5432))
    for line in _lines(Wanted(), _accepted(5432)):
        assert one_line_of(reviewed, what_if(reviewed), KNOWN, line.item.id) == line


def test_a_text_of_somebody_elses_is_bounded_and_what_nobody_sees_is_written_out():
    assert shown("a\u202eb") == "a<U+202E>b"
    assert shown("x" * 700) == "x" * 600 + "\u2026"
