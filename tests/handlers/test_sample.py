"""The photo that the README sends: made by a program, and small enough for a task."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from PIL import Image

FOLDER = Path(__file__).parents[2] / "handlers" / "thumbnails"


def test_the_sample_is_written_by_one_command(tmp_path: Path) -> None:
    """`python sample.py` writes photo.jpg to the working directory, or to a given path."""
    subprocess.run([sys.executable, FOLDER / "sample.py"], cwd=tmp_path, check=True)
    subprocess.run([sys.executable, FOLDER / "sample.py", "x.jpg"], cwd=tmp_path, check=True)
    assert (tmp_path / "photo.jpg").read_bytes() == (tmp_path / "x.jpg").read_bytes()


def test_the_sample_fits_a_task(photo: Callable[..., bytes]) -> None:
    """A task holds 1 MiB (https://cloud.google.com/tasks/docs/quotas); the sample is well below."""
    for image in (photo(), (FOLDER / "photo.jpg").read_bytes()):
        assert 100_000 < len(image) < 700_000
        opened = Image.open(io.BytesIO(image))
        assert (opened.format, opened.size) == ("JPEG", (1600, 1067))
        colours = opened.resize((160, 107)).getcolors(100_000)
        assert colours is not None
        assert len(colours) > 3_000  # a photograph's, not a drawing's
