"""D29 on the page: verdict, estimate, curve and every workload, without script, whatever the names are."""

import re
from html.parser import HTMLParser

from collectors.inventory import Inventory
from collectors.observation import ObservationWindow
from recommender.coverage import coverage
from recommender.report import coverage as part
from recommender.report.coverage import coverage_part
from tests.recommender.coverages import covered, cron, edge, inventory, ref


class _Page(HTMLParser):
    """Text and tags as a browser sees them; end tags must fit."""

    def __init__(self, markup):
        super().__init__()
        self.open, self.tags, self.text = [], [], ""
        self.feed(markup)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def all(self, name):
        return [attributes for tag, attributes in self.tags if tag == name]


def _shop(**more):
    job = cron("report", "0 3 1 * *")
    edges = [edge("web", "api"), edge("web", "db", first=40), edge("mq", "db", first=1)]
    return covered(edges, inventory("web", "api", "db", "quiet", jobs=[job]), times=2000, **more)


def test_d29_the_page_says_verdict_estimate_silence_and_cron_jobs():
    page = _Page(coverage_part(_shop()))
    assert "learning workloads: 3 learning, 1 stabilising, 2 stable" in page.text
    assert "6,000 sightings of 3 edges, 0 of them seen once" in page.text
    assert "Nothing of theirs worked: shop/CronJob/report, shop/Deployment/quiet." in page.text
    assert "0 3 1 * *31 days2 days" in page.text


def test_d29_there_is_a_curve_for_all_and_one_for_each_workload_with_traffic():
    page = _Page(coverage_part(_shop()))
    assert len(page.all("polyline")) == 1 + 4
    assert page.all("svg")[0]["aria-label"] == "Edges seen over time: 3 edges at the end, 2 at half time"


def test_d29_curves_rise_from_the_lower_left_and_stay_inside_their_picture():
    page = _Page(coverage_part(_shop()))
    for svg, line in zip(page.all("svg"), page.all("polyline"), strict=True):
        points = [tuple(map(float, point.split(","))) for point in line["points"].split()]
        width, height = (float(svg[name]) for name in ("width", "height"))
        assert points == sorted(points, key=lambda point: (point[0], -point[1]))
        assert points[0] == (0, height - 1)
        assert points[-1] == (width, 1)


def test_the_worst_verdicts_come_first_and_workloads_link_to_their_part():
    markup = coverage_part(_shop(), {ref("web"): "w-web"})
    verdicts = re.findall(r'badge \w+">(\w+)<', markup)[1:]
    assert verdicts == ["learning", "learning", "learning", "stabilising", "stable", "stable"]
    assert 'href="#w-web"' in markup


def test_more_workloads_than_anyone_reads_are_counted(monkeypatch):
    monkeypatch.setattr(part, "MOST_ROWS", 2)
    markup = coverage_part(_shop())
    assert "And 4 workloads more, no worse than these." in _Page(markup).text
    assert markup.count('class="badge ') == 1 + 2


def test_hostile_names_stay_text():
    evil = '"><script>alert(1)</script>\u202e'
    job = cron(evil, evil)
    found = covered([edge(evil, "api", sources=(evil,))], inventory(evil, jobs=[job]))
    page = _Page(coverage_part(found))
    assert not page.all("script")
    assert "\u202e" not in page.text


def test_nothing_seen_is_said_without_a_picture():
    page = _Page(coverage_part(coverage([], Inventory(), ObservationWindow(), {})))
    assert "No connection that worked was seen" in page.text
    assert "No workload is known" in page.text
    assert not page.all("svg")
