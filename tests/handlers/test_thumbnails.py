"""The thumbnail service, from a task with an image to a file and the task that mails it."""

from __future__ import annotations

import base64
import email
import email.policy
import importlib
import io
import json
import struct
import zlib
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import grpc
import pytest
from flask.testing import FlaskClient
from google.cloud import tasks_v2
from PIL import Image, ImageCms

from tests.handlers.postbox import TasksApi

TASK = {"X-CloudTasks-QueueName": "thumbnails", "X-CloudTasks-TaskName": "42"}
Photo = Callable[..., bytes]


def only() -> Image.Image:
    (path,) = Path("out/thumbnails").iterdir()
    assert path.suffix == ".jpg"
    image = Image.open(io.BytesIO(path.read_bytes()))
    assert image.format == "JPEG"
    return image


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def bright(image: Image.Image, x: float, y: float) -> bool:
    pixel = image.convert("L").getpixel((int(image.width * x), int(image.height * y)))
    assert isinstance(pixel, int)
    return pixel > 128


def test_a_photo_becomes_a_thumbnail(
    thumbnails: FlaskClient, photo: Photo, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A JPEG with 320 pixels on the longer side; the log names the file."""
    answer = thumbnails.post("/", data=photo(), headers=TASK)
    assert answer.status_code == 200
    assert only().size == (320, 213)
    (path,) = (tmp_path / "out/thumbnails").iterdir()
    assert path.stat().st_size < 20_000
    assert capsys.readouterr().out == f"wrote {path.resolve()}, 320 × 213 pixels\n"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_thumbnail_stands_upright(
    thumbnails: FlaskClient, photo: Photo, orientation: int
) -> None:
    """However the camera was held, the sky is on top, without an orientation tag."""
    thumbnails.post("/", data=photo(600, 400, orientation=orientation))
    small = only()
    assert small.size == (320, 213)
    # In this picture the sun is left of the middle, above dark hills.
    assert bright(small, 0.42, 0.4)
    assert not bright(small, 0.5, 0.95)
    assert not bright(small, 0.95, 0.05)


def test_a_thumbnail_has_no_location_and_no_camera(thumbnails: FlaskClient, photo: Photo) -> None:
    """All EXIF data is removed."""
    exif = Image.Exif()
    exif[0x010F] = "Camera"
    exif.get_ifd(0x8825)[1] = "N"
    thumbnails.post("/", data=encoded(Image.open(io.BytesIO(photo())), "JPEG", exif=exif))
    assert dict(only().getexif()) == {}


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        ("PNG", "RGB"),
        ("PNG", "L"),
        ("PNG", "1"),
        ("PNG", "P"),
        ("PNG", "RGBA"),
        ("PNG", "LA"),
        ("GIF", "P"),
        ("WEBP", "RGBA"),
        ("TIFF", "CMYK"),
        ("TIFF", "LAB"),
        ("BMP", "RGB"),
        ("JPEG", "CMYK"),
        ("JPEG", "L"),
        ("PPM", "RGB"),
    ],
)
def test_the_usual_kinds_of_images_are_read(thumbnails: FlaskClient, kind: str, mode: str) -> None:
    """Formats and colour modes that people send."""
    source = Image.linear_gradient("L").resize((640, 480)).convert("RGB")
    if mode == "LAB":
        lab, rgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(source, rgb, lab, outputMode="LAB")
        assert converted is not None
    else:
        converted = source.convert(mode)
    answer = thumbnails.post("/", data=encoded(converted, kind))
    assert answer.status_code == 200, answer.text
    assert only().size == (320, 240)
    assert bright(only(), 0.5, 0.95)
    assert not bright(only(), 0.5, 0.05)


def test_transparent_parts_become_white(thumbnails: FlaskClient) -> None:
    """JPEG has no transparency, and people would not expect black."""
    thumbnails.post("/", data=encoded(Image.new("RGBA", (50, 50), (0, 0, 0, 0)), "PNG"))
    assert only().getpixel((25, 25)) == (255, 255, 255)


def test_a_small_image_is_not_enlarged(thumbnails: FlaskClient, photo: Photo) -> None:
    """Enlarging would add no detail."""
    thumbnails.post("/", data=photo(120, 80))
    assert only().size == (120, 80)


def test_a_thumbnail_keeps_the_colour_profile(thumbnails: FlaskClient, photo: Photo) -> None:
    """Without its profile, a wide-gamut picture looks pale."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = Image.open(io.BytesIO(photo(640, 480)))
    thumbnails.post("/", data=encoded(picture, "JPEG", icc_profile=profile))
    assert only().info["icc_profile"] == profile


def test_size_and_folder_are_settings(
    thumbnails: FlaskClient, photo: Photo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """THUMBNAIL_SIZE is the longer side, THUMBNAILS the folder."""
    monkeypatch.setenv("THUMBNAIL_SIZE", "64")
    monkeypatch.setenv("THUMBNAILS", str(tmp_path / "far" / "away"))
    thumbnails.post("/", data=photo(480, 640))
    (path,) = (tmp_path / "far" / "away").iterdir()
    assert Image.open(io.BytesIO(path.read_bytes())).size == (48, 64)


def test_the_mail_is_enqueued_with_the_thumbnail_in_it(
    thumbnails: FlaskClient, tasks_api: TasksApi, photo: Photo
) -> None:
    """On the queue in QUEUE_EMAILS, to MAIL_TO, and without a route of its own."""
    assert thumbnails.post("/", data=photo(), headers=TASK).status_code == 200
    (task,) = tasks_api.tasks
    assert task.name.startswith("projects/p/locations/l/queues/emails/tasks/thumbnail-")
    assert task.http_request.http_method == tasks_v2.HttpMethod.POST
    assert task.http_request.url == "https://routed-by-the-queue.invalid/"
    assert task.http_request.headers == {"Content-Type": "application/json"}
    assert not task.http_request.oidc_token
    mail = json.loads(task.http_request.body)
    (path,) = Path("out/thumbnails").iterdir()
    assert mail["to"] == "ada@example.com"
    assert mail["values"] == {"name": path.name, "width": 1600, "height": 1067}
    (attachment,) = mail["attachments"]
    assert base64.b64decode(attachment["base64"]) == path.read_bytes()


def test_the_mailer_understands_that_mail(
    thumbnails: FlaskClient, mailer: FlaskClient, tasks_api: TasksApi, photo: Photo
) -> None:
    """One handler enqueues the mail, the other sends it with the thumbnail attached."""
    thumbnails.post("/", data=photo(1067, 1600, orientation=6), headers=TASK)
    mailer.post("/send", data=tasks_api.tasks[0].http_request.body)
    (path,) = Path("out/mail").iterdir()
    mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    text = mail.get_body(("plain",))
    assert text is not None
    assert "Your picture of 1067 × 1600 pixels" in text.get_content()
    (attachment,) = mail.iter_attachments()
    (thumbnail,) = Path("out/thumbnails").iterdir()
    assert attachment.get_filename() == thumbnail.name
    assert attachment.get_content() == thumbnail.read_bytes()


def test_a_task_done_twice_mails_once(
    thumbnails: FlaskClient, tasks_api: TasksApi, photo: Photo
) -> None:
    """A retry succeeds and enqueues no second mail; another task enqueues its own."""
    image = photo(600, 400)
    first = thumbnails.post("/", data=image, headers=TASK)
    again = thumbnails.post("/", data=image, headers={**TASK, "X-CloudTasks-TaskRetryCount": "1"})
    assert (first.status_code, again.status_code) == (200, 200)
    assert "was already enqueued" in again.text
    assert len(tasks_api.tasks) == 1
    thumbnails.post("/", data=image, headers={**TASK, "X-CloudTasks-TaskName": "43"})
    assert len(tasks_api.tasks) == 2
    assert len(list(Path("out/thumbnails").iterdir())) == 1


@pytest.mark.parametrize("status", [grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAVAILABLE])
def test_a_mail_that_cannot_be_enqueued_keeps_the_task(
    thumbnails: FlaskClient,
    tasks_api: TasksApi,
    photo: Photo,
    capsys: pytest.CaptureFixture[str],
    status: grpc.StatusCode,
) -> None:
    """Without the permission to enqueue, or without Cloud Tasks, the task is retried."""
    tasks_api.refusal = (status, "not today")
    assert thumbnails.post("/", data=photo(600, 400), headers=TASK).status_code == 503
    log = capsys.readouterr().out
    assert "ERROR 42: no mail enqueued on projects/p/locations/l/queues/emails" in log
    assert "not today" in log
    tasks_api.refusal = None
    assert thumbnails.post("/", data=photo(600, 400), headers=TASK).status_code == 200
    assert len(tasks_api.tasks) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [("MAIL_TO", ""), ("THUMBNAIL_SIZE", "801"), ("THUMBNAIL_SIZE", "15"), ("THUMBNAIL_SIZE", "x")],
)
def test_a_wrong_setting_keeps_the_task(
    thumbnails: FlaskClient,
    tasks_api: TasksApi,
    photo: Photo,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
) -> None:
    """The service's own settings must not lose a task."""
    monkeypatch.setenv(name, value)
    assert thumbnails.post("/", data=photo(600, 400)).status_code == 500
    assert tasks_api.tasks == []


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims a size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels)


@pytest.mark.parametrize(
    "image",
    [
        b"",
        b"hello",
        b"\xff\xd8\xff\xe0" + b"\0" * 100,
        b"GIF89a",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n",
        bomb(20, 20),
        bomb(8000, 5001),
        bomb(10_000, 10_000),
        bomb(60_000, 60_000),
        bomb(0, 0),
    ],
    ids=lambda image: f"{image[:12]!r}" if len(image) < 130 else None,
)
def test_a_body_that_is_not_an_image_is_dropped_with_a_reason(
    thumbnails: FlaskClient,
    tasks_api: TasksApi,
    capsys: pytest.CaptureFixture[str],
    image: bytes,
) -> None:
    """A retry would not help: 200, an ERROR in the log, no file and no mail."""
    answer = thumbnails.post("/", data=image, headers=TASK)
    assert answer.status_code == 200
    assert answer.text.startswith("dropped: ")
    log = capsys.readouterr().out
    assert log.startswith("ERROR 42: dropped, retrying cannot help: ")
    assert tasks_api.tasks == []
    assert not Path("out").exists()


def test_a_broken_image_never_breaks_the_service(thumbnails: FlaskClient, photo: Photo) -> None:
    """A truncated or corrupted image gives a thumbnail or is dropped, but is never a 5xx."""
    image = photo(96, 64)
    png = encoded(Image.open(io.BytesIO(image)), "PNG")
    broken = [image[:length] for length in range(0, len(image), 97)]
    for place in range(0, 700, 3):
        broken.append(image[:place] + bytes([image[place] ^ 0xFF]) + image[place + 1 :])
        broken.append(png[:place] + bytes([png[place] ^ 0xFF]) + png[place + 1 :])
    assert {thumbnails.post("/", data=data).status_code for data in broken} == {200}


def test_no_other_program_is_started_for_an_image(
    thumbnails: FlaskClient, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pillow would pass PostScript to Ghostscript, so PostScript is rejected here."""
    drawing = encoded(Image.new("RGB", (10, 10)), "EPS")
    assert Image.open(io.BytesIO(drawing)).format == "EPS"
    thumbnails.post("/", data=drawing, headers=TASK)
    assert "cannot identify image file" in capsys.readouterr().out


def test_too_little_memory_keeps_the_task(
    thumbnails: FlaskClient, photo: Photo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service failed, not the image: another instance may have enough memory."""

    def crowded(_image: object) -> None:
        raise MemoryError

    monkeypatch.setattr(importlib.import_module("picture").ImageOps, "exif_transpose", crowded)
    assert thumbnails.post("/", data=photo(96, 64)).status_code == 500


def test_an_image_with_too_many_pixels_is_rejected_undecoded(
    thumbnails: FlaskClient, capsys: pytest.CaptureFixture[str]
) -> None:
    """A small file that claims more than 40 million pixels is not decompressed."""
    thumbnails.post("/", data=bomb(8000, 5001), headers=TASK)
    assert "8000 × 5001 pixels; at most 40,000,000" in capsys.readouterr().out


def test_on_cloud_run_a_log_line_carries_its_severity(
    thumbnails: FlaskClient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Cloud Logging reads `severity` and `message` from JSON lines."""
    monkeypatch.setenv("K_SERVICE", "thumbnails")
    thumbnails.post("/", data=b"", headers=TASK)
    entry = json.loads(capsys.readouterr().out)
    assert entry["severity"] == "ERROR"
    assert entry["message"].startswith("42: dropped")
