"""A Dockerfile tells how its container serves."""

from __future__ import annotations

import pytest

from queuewright.local.handlers.dockerfile import container_process

SH = ("/bin/sh", "-c")


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ('CMD ["python", "main.py"]', ("python", "main.py")),
        ("CMD exec gunicorn --bind :$PORT app:app", (*SH, "exec gunicorn --bind :$PORT app:app")),
        ("cmd python main.py", (*SH, "python main.py")),
        ('CMD ["a"]\nCMD ["b"]', ("b",)),
        ('ENTRYPOINT ["python"]\nCMD ["main.py"]', ("python", "main.py")),
        ('ENTRYPOINT ["python"]\nCMD main.py', ("python", *SH, "main.py")),
        ('ENTRYPOINT exec python main.py\nCMD ["ignored"]', (*SH, "exec python main.py")),
        ('SHELL ["/bin/bash", "-ec"]\nCMD serve', ("/bin/bash", "-ec", "serve")),
        ("CMD gunicorn \\\n  # threads\n\n  --threads 4 \\\n  app:app", None),
        ("HEALTHCHECK CMD curl localhost\nRUN echo CMD", ()),
        ('RUN <<EOF\nCMD ["no"]\nEOF\nCMD ["yes"]', ("yes",)),
        ("CMD [not json", (*SH, "[not json")),
        ("", ()),
    ],
)
def test_the_command_is_what_a_container_would_run(
    text: str, command: tuple[str, ...] | None
) -> None:
    """Exec and shell form, entry points, continued lines, shells of its own."""
    expected = command
    if command is None:
        expected = (*SH, "gunicorn    --threads 4    app:app")
    found = container_process(f"FROM python:3.12-slim\n{text}\n").command
    assert [" ".join(word.split()) for word in found] == [
        " ".join(word.split()) for word in expected or ()
    ]


@pytest.mark.parametrize(
    ("text", "environment"),
    [
        ("ENV A=1 B=2", {"A": "1", "B": "2"}),
        ('ENV A="one two" B=three\\ four', {"A": "one two", "B": "three four"}),
        ("ENV A one two", {"A": "one two"}),
        ("ENV A='$B' C=\"it's\"", {"A": "$B", "C": "it's"}),
        ("ENV A=1\nENV B=$A/${A} C=${NO:-d} D=${A:+e}", {"A": "1", "B": "1/1", "C": "d", "D": "e"}),
        ("ARG V=3\nENV A=$V", {"A": "3"}),
        ("ENV A=1 \\\n    B=2", {"A": "1", "B": "2"}),
    ],
)
def test_variables_are_those_of_the_image(text: str, environment: dict[str, str]) -> None:
    """Quotes taken off, variables and build arguments put in."""
    assert container_process(f"FROM x\n{text}").environment == environment


def test_a_global_argument_counts_only_where_it_is_declared() -> None:
    """An `ARG` before the first `FROM` is unknown in a stage that does not repeat it."""
    text = "ARG V=1\nFROM x\nENV A=$V\nARG V\nENV B=$V"
    assert container_process(text).environment == {"A": "", "B": "1"}


def test_the_last_stage_counts_and_what_it_builds_on() -> None:
    """A stage named by another gives it all; a stage that is only copied from gives nothing."""
    text = """
    FROM python AS base
    ENV SHARED=yes
    CMD ["base"]
    FROM node AS assets
    ENV ASSETS=yes
    CMD ["node"]
    FROM base
    COPY --from=assets . /static
    """
    process = container_process(text)
    assert process.command == ("base",)
    assert process.environment == {"SHARED": "yes"}


def test_a_list_without_end_is_a_line_for_the_shell() -> None:
    """As any other that is no list of texts."""
    line = "[" * 100_000
    assert container_process(f"FROM x\nCMD {line}").command == ("/bin/sh", "-c", line)
