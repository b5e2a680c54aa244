"""Text from outside on a terminal."""

import pytest

from queuewright.terminal import coloured, printable


@pytest.mark.parametrize(
    "text",
    [
        "\x1b]52;c;cm0gLXJmIH4=\x07",  # writes the clipboard
        "\x1b]0;title\x07",
        "\x1b[2J\x1b[H",
        "\x9b2J",  # CSI in one byte
        "over\rwritten",
        "a\u202etxt.exe",
        "\x7f\x00\x08",
    ],
)
def test_no_control_character_reaches_the_terminal(text: str) -> None:
    for safe in (printable(text), coloured(text)):
        assert all(character.isprintable() for character in safe)


def test_plain_text_stays_as_it_is() -> None:
    text = "Grüße, 世界 🎉\tdone"
    assert printable(text) == coloured(text) == text


def test_a_handlers_colours_pass_and_end_with_its_line() -> None:
    assert coloured("\x1b[1;31mred\x1b[m plain") == "\x1b[1;31mred\x1b[m plain\x1b[0m"


def test_lines_may_stay_lines() -> None:
    assert printable("a\n\x1bb", keep_lines=True) == "a\n\\x1bb"
    assert printable("a\nb") == "a\\x0ab"
