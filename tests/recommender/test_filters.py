import pytest

from collectors.errors import PodfenceError
from recommender.filters import STATUSES, Filter, chosen, filter_from_words, status_of
from recommender.review import Decision, review
from tests.cluster import flow
from tests.recommender.test_suggest import _suggest

SEEN = _suggest(
    flow("10.0.0.1", "10.0.0.3", 3000), flow("10.0.0.1", "10.0.0.3", 53, "UDP"), flow("10.0.0.3", "8.8.8.8", 443)
)
BY_PORT = {item.communication.port: item.id for item in SEEN.items}
REVIEWED = review(
    SEEN, [Decision(BY_PORT[3000], "accept"), Decision(BY_PORT[53], "decline"), Decision(BY_PORT[443], "accept", "x")]
)


@pytest.mark.parametrize(
    ("wanted", "ports"),
    [
        (Filter(), {3000, 53, 443}),
        (Filter(workload="web"), {3000, 53}),
        (Filter(workload="shop/w*"), {3000, 53}),
        (Filter(workload="shop/Deployment/api"), {3000, 53, 443}),
        (Filter(workload="data/web"), set()),
        (Filter(namespace="shop"), {3000, 53, 443}),
        (Filter(namespace="sho"), set()),
        (Filter(peer="8.8.8"), {443}),
        (Filter(peer="EXTERNAL"), {443}),
        (Filter(port="53"), {53}),
        (Filter(port="UDP/53"), {53}),
        (Filter(port="53/udp"), {53}),
        (Filter(port="TCP/53"), set()),
        (Filter(caveat="external"), {443}),
        (Filter(status="accepted"), {3000}),
        (Filter(status="declined"), {53}),
        (Filter(status="stale"), {443}),
        (Filter(status="undecided"), {443}),
        (Filter(text="8.8.8.8"), {443}),
        (Filter(workload="web", port="53"), {53}),
        (Filter(text="nothing says this"), set()),
    ],
)
def test_each_field_asks_for_one_thing_and_all_must_hold(wanted, ports):
    assert {item.communication.port for item in chosen(REVIEWED, wanted)} == ports


def test_every_suggestion_has_one_status():
    assert status_of(REVIEWED) == {BY_PORT[3000]: "accepted", BY_PORT[53]: "declined", BY_PORT[443]: "stale"}


@pytest.mark.parametrize(
    ("words", "said"),
    [({"caveat": "odd"}, "no caveat is called 'odd'"), ({"status": "open"}, f"they are {', '.join(STATUSES)}"),
     *(({"port": bad}, "is no port") for bad in ("http", "80/90", "999999", "\u0663", "-1"))],
)  # fmt: skip
def test_words_that_mean_nothing_are_refused(words, said):
    with pytest.raises(PodfenceError, match=said):
        Filter(**words)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("", Filter()),
        ("  namespace=shop   port=TCP/443 ", Filter(namespace="shop", port="TCP/443")),
        ("status=undecided pay ments", Filter(status="undecided", text="pay ments")),
        ("text=a=b", Filter(text="a=b")),
        ("odd=word", Filter(text="odd=word")),
    ],
)
def test_typed_words_are_a_filter(typed, meant):
    assert filter_from_words(typed) == meant


@pytest.mark.parametrize(
    ("typed", "said"),
    [("port=1 port=2", "`port` is asked for twice"), ("text=a b", "'b' is beside `text=`"), ("port=x", "is no port")],
)
def test_typed_words_that_contradict_each_other_are_refused(typed, said):
    with pytest.raises(PodfenceError, match=said):
        filter_from_words(typed)
