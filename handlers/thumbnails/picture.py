"""Makes a thumbnail of an image. Pure; knows nothing of tasks."""

from __future__ import annotations

import io
from dataclasses import dataclass

from PIL import Image, ImageOps

# Decoding takes up to four bytes per pixel: four requests at once stay well within 1 GiB.
# A small file can claim many more pixels (a "decompression bomb"); it is rejected undecoded.
MAX_PIXELS = 40_000_000
# Formats of cameras, phones and the web. Pillow reads more, some with other programs (EPS), and a
# custom build of Pillow may read fewer.
Image.init()
FORMATS = {"AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP"} & {*Image.OPEN}


class Unusable(Exception):
    """Bytes that can never become a thumbnail, however often they are retried."""


@dataclass(frozen=True)
class Thumbnail:
    """A small JPEG.

    Attributes:
        jpeg: the file's bytes, without EXIF and so without location and camera.
        width, height: its size in pixels.
        original: width and height of the original image, upright.
    """

    jpeg: bytes
    width: int
    height: int
    original: tuple[int, int]


def thumbnail(image: bytes, size: int) -> Thumbnail:
    """Return an upright JPEG of the image, with at most `size` pixels on its longer side.

    Smaller images are not enlarged. Transparent parts become white; of an animation, only the first
    frame is used.

    Raises:
        Unusable: Pillow cannot read the image, or it is too large.
    """
    try:
        with Image.open(io.BytesIO(image), formats=sorted(FORMATS)) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise Unusable(f"{opened.width} × {opened.height} pixels; at most {MAX_PIXELS:,}")
            turned = opened.getexif().get(0x0112, 1) in (5, 6, 7, 8)  # rotated by 90 degrees
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
    except Exception as error:  # Pillow's decoders raise many kinds of errors for broken data
        raise Unusable(f"not a readable image: {error}") from error
    return Thumbnail(file.getvalue(), *small.size, original=(width, height))


def _opaque(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    page = Image.new("RGB", layer.size, "white")
    page.paste(layer, mask=layer.getchannel("A"))
    return page
