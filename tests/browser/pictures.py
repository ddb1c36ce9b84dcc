"""Turns the screenshots of the browser tests into the pictures of docs/: few, and small."""

import argparse
from pathlib import Path

from PIL import Image

CHOSEN = {
    "01-opened": "review",
    "02-filtered": "review-evidence",
    "04-refused": "review-refused",
    "05-widened": "review-widened",
    "07-graph": "review-graph",
    "11-outdated": "review-outdated",
    "10-exported": "review-export",
    "12-dark": "review-dark",
}
"""Which screenshot becomes which picture."""
COLOURS, WIDEST, LARGEST = 256, 1260, 150_000


def shrink(screenshot, picture):
    """Write a screenshot with few colours; each of those that tell something apart stays, also in a few pixels."""
    with Image.open(screenshot) as full:
        image = full.convert("RGB")
    image.thumbnail((WIDEST, 10_000))
    image.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(picture, optimize=True)
    size = picture.stat().st_size
    if size > LARGEST:
        raise SystemExit(f"{picture} has {size:,} bytes; docs/pictures should have at most {LARGEST:,} in each")


def main():
    parser = argparse.ArgumentParser(description="Shrink the chosen screenshots of the browser tests into a folder.")
    parser.add_argument("screenshots", type=Path)
    parser.add_argument("pictures", type=Path)
    given = parser.parse_args()
    given.pictures.mkdir(parents=True, exist_ok=True)
    for name, picture in CHOSEN.items():
        shrink(given.screenshots / f"{name}.png", given.pictures / f"{picture}.png")


if __name__ == "__main__":
    main()
