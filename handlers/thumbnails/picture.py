"""From the bytes of an image to the bytes of a small one. Pure; knows nothing of tasks."""

from __future__ import annotations

import io
from dataclasses import dataclass

from PIL import Image, ImageOps

# Decoding takes up to four bytes for each: with four requests at once, well within 1 GiB.
# A small file can claim far more than that (a "decompression bomb") and is refused unread.
MAX_PIXELS = 40_000_000
# What cameras, phones and the web produce. Pillow reads more, some with outside programs (EPS),
# and a Pillow built by hand may read less.
Image.init()
FORMATS = {"AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP"} & {*Image.OPEN}


class Unusable(Exception):
    """Bytes that no repetition will make a thumbnail of."""


@dataclass(frozen=True)
class Thumbnail:
    """A small JPEG.

    Attributes:
        jpeg: the file's bytes; no EXIF, so no place and no camera.
        width, height: its size in pixels.
        original: width and height of the image it was made of, upright.
    """

    jpeg: bytes
    width: int
    height: int
    original: tuple[int, int]


def thumbnail(image: bytes, size: int) -> Thumbnail:
    """Return an upright JPEG of the image, `size` pixels at most on its longer side.

    An image that is smaller already is not enlarged. Transparent parts become white, of an
    animation the first picture is taken.

    Raises:
        Unusable: no image that Pillow can read, or too large a one.
    """
    try:
        with Image.open(io.BytesIO(image), formats=sorted(FORMATS)) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise Unusable(f"{opened.width} × {opened.height} pixels; at most {MAX_PIXELS:,}")
            turned = opened.getexif().get(0x0112, 1) in (5, 6, 7, 8)  # lying on its side
            width, height = opened.size[::-1] if turned else opened.size
            opened.draft("RGB", (2 * size, 2 * size))  # a JPEG need not be read at full size
            upright = ImageOps.exif_transpose(opened)
        profile = upright.info.get("icc_profile") if upright.mode == "RGB" else None
        small = _opaque(upright)
        small.thumbnail((size, size))
        file = io.BytesIO()
        small.save(file, "JPEG", quality=85, optimize=True, icc_profile=profile)
    except (MemoryError, Unusable):
        raise
    except Exception as error:  # Pillow's decoders raise whatever the broken byte led to
        raise Unusable(f"no image that can be read: {error}") from error
    return Thumbnail(file.getvalue(), *small.size, original=(width, height))


def _opaque(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    page = Image.new("RGB", layer.size, "white")
    page.paste(layer, mask=layer.getchannel("A"))
    return page
