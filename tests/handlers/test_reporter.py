"""The worker that draws charts: from a task's body to a picture, and unusable bodies."""

from __future__ import annotations

import importlib
import io
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

from queuewright.spec import load
from tests.handlers.conftest import HANDLERS

MONTH = {"month": "2026-10", "currency": "EUR", "sales": [100, 50.5, 0, 200]}
BAR = (0x2F, 0x6F, 0x9F)


@dataclass
class Message:
    """A Pub/Sub message that notes its answer."""

    data: bytes
    message_id: str = "42"
    attributes: dict[str, str] = field(default_factory=dict)
    ordering_key: str = ""
    publish_time: datetime = datetime(2026, 11, 1, tzinfo=UTC)
    delivery_attempt: int | None = None
    answers: list[str] = field(default_factory=list)

    def ack(self) -> None:
        self.answers.append("ack")

    def nack(self) -> None:
        self.answers.append("nack")


@pytest.fixture
def code(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module `chart` of the handler."""
    monkeypatch.syspath_prepend(HANDLERS / "reporter")
    return importlib.import_module("chart")


def deliver(monkeypatch: pytest.MonkeyPatch, body: object) -> list[str]:
    """What the worker answers to one task."""
    monkeypatch.syspath_prepend(HANDLERS.parent / "runtime")
    runtime = importlib.import_module("queuewright_runtime")
    monkeypatch.syspath_prepend(HANDLERS / "reporter")
    worker = importlib.import_module("worker")
    message = Message(body if isinstance(body, bytes) else json.dumps(body).encode())
    with (task := runtime.Task("charts", message)):
        worker.draw(task)
    return message.answers


def bars(png: bytes) -> list[int]:
    """The height in pixels of the bar of each of October's days."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    width = (940 - 80) / 31
    columns = (round(80 + day * width + width / 2) for day in range(31))
    return [sum(image.getpixel((x, y)) == BAR for y in range(image.height)) for x in columns]


def test_the_bars_are_as_high_as_the_sales(code: ModuleType) -> None:
    """Half the sales are half the height; a day without any has no bar."""
    drawn = bars(code.chart(code.sales(json.dumps(MONTH).encode())))
    highest = drawn[3]
    assert highest > 300
    assert drawn[0] == pytest.approx(highest / 2, abs=2)
    assert drawn[1] == pytest.approx(highest * 50.5 / 200, abs=2)
    assert drawn[2] == 0
    assert drawn[4:] == [0] * 27


@pytest.mark.parametrize("amounts", [[0], [0.001], [1e12], [1] * 31], ids=str)
def test_every_amount_in_range_can_be_drawn(code: ModuleType, amounts: list[float]) -> None:
    """The largest bar never leaves the picture."""
    drawn = bars(code.chart(code.sales(json.dumps({**MONTH, "sales": amounts}).encode())))
    assert max(drawn) <= 490 - 70 + 1
    assert (max(drawn) > 50) == (max(amounts) > 0)


@pytest.mark.parametrize("largest", [0.007, 1, 5, 5.1, 10, 99, 100, 101, 2_500])
def test_the_grid_has_few_lines(code: ModuleType, largest: float) -> None:
    """Enough of them to read a bar's height, at most five."""
    assert 2 <= largest / code.grid_step(largest) <= 5 + 1e-6


def test_a_task_becomes_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Delivered twice, it is the same file, and no unfinished one is left."""
    assert deliver(monkeypatch, MONTH) == ["ack"]
    first = (tmp_path / "out/charts/2026-10.png").read_bytes()
    assert deliver(monkeypatch, MONTH) == ["ack"]
    (file,) = (tmp_path / "out" / "charts").iterdir()
    assert file.read_bytes() == first


def test_the_example_can_be_drawn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`queuewright enqueue charts --example` leads to a picture."""
    example = load("dev", HANDLERS.parent).pull_queues["charts"].example
    assert deliver(monkeypatch, example) == ["ack"]
    assert len(list((tmp_path / "out" / "charts").iterdir())) == 1


HOPELESS: list[tuple[object, str]] = [
    (b"", "not JSON"),
    (b"[" * 100_000, "not JSON"),
    ([1], "not an object"),
    ({**MONTH, "month": "2026-13"}, "'2026-13'"),
    ({**MONTH, "month": "../../2026"}, "`month`"),
    ({**MONTH, "currency": "euro"}, "'euro'"),
    ({**MONTH, "sales": []}, "1 to 31 amounts"),
    ({**MONTH, "month": "2026-02", "sales": [1] * 29}, "1 to 28 amounts"),
    ({**MONTH, "sales": [1, -1]}, "day 2 is -1"),
    ({**MONTH, "sales": [True]}, "day 1 is True"),
    ({**MONTH, "sales": [float("nan")]}, "day 1 is nan"),
    ({**MONTH, "sales": ["12"]}, "day 1 is '12'"),
]


@pytest.mark.parametrize(("body", "reason"), HOPELESS, ids=[reason for _, reason in HOPELESS])
def test_a_hopeless_task_is_dropped_with_a_reason(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, body: object, reason: str
) -> None:
    """It can never succeed, so it is acknowledged and logged."""
    assert deliver(monkeypatch, body) == ["ack"]
    assert reason in caplog.text
    assert not Path("out").exists()


def test_a_folder_that_cannot_be_written_keeps_the_task(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The operator must fix the folder, so the task is given back."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CHARTS", str(tmp_path / "file"))
    assert deliver(monkeypatch, MONTH) == ["nack"]
