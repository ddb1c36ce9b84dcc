"""The benchmark of the widget measures every step, and a view gets one page whatever the size."""

from benchmarks.widget import measure


def test_a_view_gets_one_page_whatever_the_size():
    few, many = measure(100, 400), measure(100, 1_600)
    assert many["suggestions.json, MB"] > 2 * few["suggestions.json, MB"]
    assert many["to the view, kB"] < 2 * few["to the view, kB"]
