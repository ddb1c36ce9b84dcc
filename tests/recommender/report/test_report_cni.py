from recommender.cni import KINDS, CniWarning
from recommender.report.cni import HEADINGS, MOST_ROWS, cni_part

SOURCE = "https://example.org/a?b=1&c=2"


def test_every_kind_has_a_heading():
    assert tuple(HEADINGS) == KINDS


def test_without_warnings_the_part_says_so():
    assert "Nothing in the policies" in cni_part([])


def test_a_warning_is_a_row_with_its_source_as_text_and_hostile_text_is_only_text():
    part = cni_part([CniWarning("shop/<b>web", "sctp", 1, "1 SCTP port (<script>alert(1)</script>).", SOURCE)])
    assert "SCTP" in part
    assert "https://example.org/a?b=1&amp;c=2" in part
    assert "href" not in part
    assert "<script>" not in part
    assert "<b>" not in part


def test_more_warnings_than_a_table_holds_are_counted():
    many = [CniWarning(f"shop/{at}", "sctp", 1, "one", SOURCE) for at in range(MOST_ROWS + 7)]
    part = cni_part(many)
    assert part.count("<tr") == MOST_ROWS + 1
    assert "and 7 more" in part
