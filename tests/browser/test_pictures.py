"""The pictures of the docs are the chosen screenshots, small enough for a repository."""

from pathlib import Path

from PIL import Image

from tests.browser.pictures import CHOSEN, LARGEST, shrink

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"


def test_the_pictures_in_docs_are_those_that_are_made_and_each_is_small():
    kept = {file.name: file.stat().st_size for file in PICTURES.iterdir()}
    assert set(kept) == {f"{name}.png" for name in CHOSEN.values()}
    assert len(kept) <= 8
    assert [name for name, size in kept.items() if size > LARGEST] == []


def test_a_shrunk_screenshot_keeps_its_shape(tmp_path):
    Image.new("RGB", (2520, 1000), "white").save(tmp_path / "full.png")
    shrink(tmp_path / "full.png", tmp_path / "small.png")
    with Image.open(tmp_path / "small.png") as small:
        assert small.size == (1260, 500)
