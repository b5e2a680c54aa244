"""`queuewright client`."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Run, run

__all__ = ["run"]


def test_it_prints_or_writes_the_module(shop: Path, run: Run) -> None:
    printed = run("client")
    assert printed.code == 0
    assert "class Emails(Queue[EmailsPayload]):" in printed.out
    written = run("client", "--output", "lib/queues.py")
    assert (written.code, written.out) == (0, "")
    assert written.err == "lib/queues.py: written\n"
    assert (shop / "lib" / "queues.py").read_text() == printed.out
    assert run("client", "--output", "lib/queues.py").err == "lib/queues.py: up to date\n"


def test_it_checks_a_module_for_ci(shop: Path, run: Run) -> None:
    words = ("client", "--language", "typescript", "--output", "queues.ts", "--check")
    missing = run(*words)
    assert missing.code == 1
    assert "`queues.ts` is out of date" in missing.err
    assert "`queuewright client --env dev --language typescript --output queues.ts`" in missing.err
    assert not (shop / "queues.ts").exists()
    assert run(*words[:-1]).code == 0
    assert run(*words).code == 0
    assert run("client", "--check").code == 2


def test_mistakes_are_told(shop: Path, run: Run) -> None:
    (shop / "schemas" / "email.schema.json").unlink()
    assert "queues.emails.payload: `schemas/email.schema.json` does not exist" in run("client").err
    assert "no such file" in run("client", "--env", "prod").err
    (shop / "schemas" / "email.schema.json").write_text("{}")
    assert run("client", "--output", "stacks/dev.yaml/x.py").code == 1
