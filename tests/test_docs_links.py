"""README.md and docs/: every link leads somewhere, and every page can be found."""

import pytest

from tests.documents import PAGES, ROOT, anchors, links, name_of


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_within_the_repository_leads_to_a_file_and_a_heading_of_it(page):
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_can_be_reached_from_the_readme():
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        reached.add(page)
        targets = {(page.parent / link.partition("#")[0]).resolve() for link in links(page) if link[0] != "#"}
        waiting += [target for target in targets if target.suffix == ".md" and target not in reached]
    assert set(PAGES) <= reached
