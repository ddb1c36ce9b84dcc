import pytest

from recommender.text import visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("shop/web", "shop/web"),
        ("\x1b[31mred", "<U+001B>[31mred"),
        ("a\u202eb", "a<U+202E>b"),
        ("a\nb\tc", "a<U+000A>b<U+0009>c"),
        ("zero\u200bwidth", "zero<U+200B>width"),
        ("caf\u00e9", "caf\u00e9"),
    ],
)
def test_text_from_a_cluster_cannot_command_a_terminal(text, shown):
    assert visible(text) == shown
