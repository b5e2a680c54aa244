"""Paints a photograph-like landscape: `python sample.py [photo.jpg]`.

The same seed gives the same picture. It needs no licence and shows no person.
"""

from __future__ import annotations

import io
import itertools
import random
import sys
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw, ImageFilter

SKY = ((58, 110, 172), (249, 214, 170))  # zenith, horizon
FAR, NEAR = (150, 165, 190), (22, 38, 30)  # the farthest and the nearest hill
ORIENTATION = 0x0112  # EXIF's tag for how the camera was held


def photo(width: int = 1600, height: int = 1067, *, seed: int = 7, orientation: int = 1) -> bytes:
    """Return a JPEG of `width` × `height` pixels, as seen upright.

    Args:
        width: in pixels.
        height: in pixels.
        seed: determines the landscape.
        orientation: EXIF orientation 1 to 8. As in a camera's file, the pixels are stored rotated,
            and the tag says how to rotate them back.
    """
    upright = landscape(width, height, random.Random(seed))
    # The inverse of what a viewer does for each orientation (Exif 2.32, table 6).
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(turns[orientation]) if orientation in turns else upright
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    file = io.BytesIO()
    stored.save(file, "JPEG", quality=88, exif=exif)
    return file.getvalue()


def landscape(width: int, height: int, chance: random.Random) -> Image.Image:
    """Return a sky with a low sun over hills that fade with distance, and a sensor's noise."""
    image = _sky(width, height)
    image = ImageChops.screen(image, _sun(width, height, chance))
    draw = ImageDraw.Draw(image)
    hills = 6
    for nth in range(hills):
        share = nth / (hills - 1)
        base = height * (0.5 + 0.38 * share)
        ridge = _ridge(width, base, height * (0.05 + 0.07 * share), chance)
        draw.polygon([(0, height), *ridge, (width, height)], fill=_between(FAR, NEAR, share**0.8))
    image = image.filter(ImageFilter.GaussianBlur(width / 1600))
    return _grain(image, chance)


def _sky(width: int, height: int) -> Image.Image:
    down = Image.linear_gradient("L").resize((width, height))
    channels = [
        down.point([round(a + (b - a) * min(1.0, level / 150) ** 1.6) for level in range(256)])
        for a, b in zip(*SKY, strict=True)
    ]
    return Image.merge("RGB", channels)


def _sun(width: int, height: int, chance: random.Random) -> Image.Image:
    """Return a glow, bright in the middle and black elsewhere."""
    side = round(width * 0.9)
    disc = Image.radial_gradient("L").resize((side, side))
    glow = disc.point([round(255 * max(0.0, 1 - level / 180) ** 3) for level in range(256)])
    light = Image.new("L", (width, height))
    x = round(width * chance.uniform(0.25, 0.75))
    light.paste(glow, (x - side // 2, round(height * 0.45) - side // 2))
    return Image.merge(
        "RGB", [light.point([round(v * part) for v in range(256)]) for part in (1.0, 0.86, 0.6)]
    )


def _ridge(
    width: int, base: float, rise: float, chance: random.Random
) -> list[tuple[float, float]]:
    """Return a line of hills by midpoint displacement, from the left edge to the right."""
    heights = [chance.uniform(-rise, rise), chance.uniform(-rise, rise)]
    while len(heights) < 257:
        rise *= 0.55
        middles = [
            (a + b) / 2 + chance.uniform(-rise, rise) for a, b in itertools.pairwise(heights)
        ]
        heights = [y for pair in zip(heights, [*middles, 0.0], strict=True) for y in pair][:-1]
    step = width / (len(heights) - 1)
    return [(nth * step, base - y) for nth, y in enumerate(heights)]


def _grain(image: Image.Image, chance: random.Random) -> Image.Image:
    noise = Image.frombytes("L", image.size, chance.randbytes(image.width * image.height))
    soft = noise.filter(ImageFilter.GaussianBlur(0.7)).point([v // 12 for v in range(256)])
    return ImageChops.add(image, Image.merge("RGB", (soft, soft, soft)), offset=-10)


def _between(a: tuple[int, ...], b: tuple[int, ...], share: float) -> tuple[int, ...]:
    return tuple(round(x + (y - x) * share) for x, y in zip(a, b, strict=True))


if __name__ == "__main__":
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "photo.jpg")
    path.write_bytes(photo())
    print(f"wrote {path}")
