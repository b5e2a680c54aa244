"""A stack with every kind of handler and every kind of grant."""

from __future__ import annotations

from queuewright.blueprint import Blueprint, blueprint
from queuewright.spec import parse

EVERY_KIND = """\
project: acme-prod
location: europe-west1
labels: {team: growth}
handlers:
  mailer:
    function: {source: handlers/mailer, entry_point: handle, runtime: python312}
    env: {SMTP_HOST: smtp.internal}
    secrets:
      SMTP_PASSWORD: smtp-password
      SMTP_TOKEN: {secret: smtp-password, version: "3"}
      API_KEY: {config: apiKey}
  web:
    service: {source: handlers/web}
  api:
    service: {image: europe-docker.pkg.dev/acme/app/api}
    vpc: {network: default}
  zipped:
    service: {source: handlers/zipped, runtime: python312, command: python main.py}
  ledger:
    app_engine: {service: ledger, version: v2}
  reports:
    app_engine: {service: reports, source: handlers/reports, runtime: python312}
  partner:
    url: https://partner.example:8443/hooks?key=1
    audience: https://partner.example
    headers: {X-Api-Version: "2"}
  public:
    url: http://public.example
queues:
  emails: {handler: mailer, path: /send, enqueuers: [web, mailer, "user:ada@acme.example"]}
  thumbs: {handler: web}
  calls: {handler: api, path: /v1/call, enqueuers: [ledger]}
  chunks: {handler: zipped}
  entries: {handler: ledger, enqueuers: [reports, ledger]}
  papers: {handler: reports}
  hooks: {handler: partner, path: /orders}
  posts: {handler: public}
"""
REST = "project: acme-prod\nlocation: europe-west1\n"


def derive(text: str) -> Blueprint:
    """The blueprint of a spec; the project and location are optional."""
    return blueprint(parse(text if "project:" in text else text + REST))


def every_kind() -> Blueprint:
    """The blueprint of the stack above."""
    return derive(EVERY_KIND)
