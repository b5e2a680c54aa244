"""Ten mistakes in one file are ten problems, each with its place and a hint."""

from __future__ import annotations

from tests.spec.conftest import Project

STACK = """\
project: Acme Dev
location: europe-west1
labels: {team: 007}
handler_defaults: {timeout: 2h}
handlers:
  mailer:
    function: {source: handlers/mailer, entry_point: handle, runtme: python312}
    memory: 100
  web:
    service: {image: i}
    url: https://a.example
queues:
  emails:
    handler: mialer
    rate_limits: {max_dispatches_per_second: 501}
    retry_config: {min_backoff: 10m, max_backoff: 5m}
    rate_limits: {}
  my_queue:
    handler: mailer
    enqueuers: [allUsers]
"""


def test_all_problems_at_once(project: Project) -> None:
    """In file order, so that you can fix the file from top to bottom."""
    project.stack("dev.yaml", STACK)
    project.write("handlers/mailer/main.py", "")
    assert project.said() == (
        "stacks/dev.yaml:1:1: project: `Acme Dev` is not a Google Cloud project id\n"
        "  hint: such as `acme-prod`\n"
        "stacks/dev.yaml:3:10: labels.team: expected text, found `007`\n"
        '  hint: write it in quotes: `"007"`\n'
        "stacks/dev.yaml:4:20: handler_defaults.timeout: `2h` is out of range\n"
        "  hint: Cloud Run allows at least `1s` and at most `1h`\n"
        "stacks/dev.yaml:7:5: handlers.mailer.function.runtime: missing\n"
        "  hint: add `runtime: python312`\n"
        "stacks/dev.yaml:7:62: handlers.mailer.function.runtme: unknown key\n"
        "  hint: did you mean `runtime`?\n"
        "stacks/dev.yaml:8:5: handlers.mailer.memory: `100` is not a size\n"
        "  hint: write `100Mi` or `100Gi`\n"
        "stacks/dev.yaml:9:3: handlers.web: has more than one kind: service, url\n"
        "  hint: give it exactly one of `function`, `service`, `worker`, `app_engine` and `url`\n"
        "stacks/dev.yaml:14:5: queues.emails.handler: no handler `mialer`\n"
        "  hint: did you mean `mailer`?\n"
        "stacks/dev.yaml:15:19: queues.emails.rate_limits.max_dispatches_per_second: "
        "`501` is out of range\n"
        "  hint: Cloud Tasks allows more than 0 and at most 500\n"
        "stacks/dev.yaml:16:20: queues.emails.retry_config.min_backoff: "
        "`10m` is more than `max_backoff`, which is `5m`\n"
        "  hint: lower it, or set `max_backoff: 10m` or more\n"
        "stacks/dev.yaml:17:5: queues.emails.rate_limits: duplicate key\n"
        "  hint: the first is at line 15; keep one of them\n"
        "stacks/dev.yaml:18:3: queues.my_queue: not a queue id\n"
        "  hint: Cloud Tasks allows 1 to 100 of A-Z, a-z, 0-9 and -, with the prefix\n"
        "stacks/dev.yaml:20:17: queues.my_queue.enqueuers[0]: "
        "`allUsers` would let anyone add tasks\n"
        "  hint: list members instead: a handler, `serviceAccount:…` or `group:…`"
    )
