"""Text from outside on a terminal."""

import subprocess

import pytest

from queuewright.terminal import coloured, printable, shell_word


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


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("8", None),
        ("08", None),
        ("1;8", "1"),
        ("8;31", "31"),
        ("38;8", None),
        ("38;2;8", "2"),
        ("38:5;8", None),
        ("4294967304", None),
        ("0:8", None),
        ("5:8", None),
        ("8:1", None),
        ("38;5;8;8", "38;5;8"),
        ("38;5;8", "38;5;8"),
        ("48;5;8;1", "48;5;8;1"),
        ("58;5;8", "58;5;8"),
        ("38;2;8;8;8", "38;2;8;8;8"),
        ("1;38;2;1;2;8;48;5;8", "1;38;2;1;2;8;48;5;8"),
        ("38:5:8", "38:5:8"),
        ("38:2:1:2:8", "38:2:1:2:8"),
        ("38:2::1:2:8;4:3", "38:2::1:2:8;4:3"),
        ("0;1;97;107", "0;1;97;107"),
    ],
)
def test_a_handler_cannot_conceal_text_with_its_colours(written: str, shown: str | None) -> None:
    """SGR 8 is left out; an 8 within a colour is no SGR 8."""
    begin = f"\x1b[{shown}m" if shown is not None else ""
    end = "\x1b[0m" if shown is not None else ""
    assert coloured(f"\x1b[{written}mhidden") == f"{begin}hidden{end}"


def test_lines_may_stay_lines() -> None:
    assert printable("a\n\x1bb", keep_lines=True) == "a\n\\x1bb"
    assert printable("a\nb") == "a\\x0ab"


@pytest.mark.parametrize(
    "text", ["plain", "it's a folder", '$HOME `x` "y"', "a\nb%s\\n", "\x1b[2J\t", "Grüße\u202e", ""]
)
def test_a_word_of_a_shell_command_can_be_pasted(text: str) -> None:
    """It is printed as it is, and the shell reads the text."""
    word = shell_word(text)
    assert printable(word) == word
    echoed = subprocess.run(["sh", "-c", f"printf '%s' {word}"], capture_output=True, check=True)
    assert echoed.stdout.decode() == text
