"""The shipped handlers as on Google Cloud: in their own folder and framework."""

from __future__ import annotations

import importlib
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from http.server import ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from flask.testing import FlaskClient
from functions_framework import create_app

from tests.handlers.postbox import Postbox, TasksApi

HANDLERS = Path(__file__).parents[2] / "handlers"
SETTINGS = (
    "SMTP_HOST SMTP_PORT SMTP_TLS SMTP_USER SMTP_PASSWORD SMTP_FROM OUTBOX "
    "THUMBNAILS THUMBNAIL_SIZE QUEUE_EMAILS MAIL_TO REPORTS CHARTS LEDGER HOST PORT "
    "CLOUD_TASKS_EMULATOR_HOST K_SERVICE GAE_ENV"
)


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Remove the developer's settings, and work in a writable folder."""
    for name in SETTINGS.split():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def mailer() -> FlaskClient:
    app = create_app("handle", str(HANDLERS / "mailer" / "main.py"))
    app.testing = True  # exceptions come through, as to the library that makes dead letters
    return app.test_client()


@pytest.fixture
def thumbnails(monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    monkeypatch.syspath_prepend(HANDLERS / "thumbnails")
    return importlib.import_module("app").app.test_client()


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FlaskClient:
    monkeypatch.syspath_prepend(HANDLERS / "ledger")
    monkeypatch.setenv("LEDGER", str(tmp_path / "book"))
    return importlib.import_module("book").app.test_client()


@pytest.fixture
def reports(monkeypatch: pytest.MonkeyPatch) -> Iterator[HTTPConnection]:
    """A connection to the report service, which runs in this process."""
    monkeypatch.syspath_prepend(HANDLERS / "reports")
    handler = importlib.import_module("serve").Daily
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        connection = HTTPConnection("127.0.0.1", server.server_port, timeout=60)
        yield connection
        connection.close()
        server.shutdown()
        thread.join()


@pytest.fixture
def postbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Postbox]:
    """A mail server without encryption, and the mailer's settings for it."""
    with Postbox() as server:
        monkeypatch.setenv("SMTP_HOST", "127.0.0.1")
        monkeypatch.setenv("SMTP_PORT", str(server.port))
        monkeypatch.setenv("SMTP_TLS", "none")
        monkeypatch.setenv("SMTP_FROM", "queue@example.com")
        yield server


@pytest.fixture
def tasks_api(monkeypatch: pytest.MonkeyPatch) -> Iterator[TasksApi]:
    with TasksApi() as server:
        monkeypatch.setenv("CLOUD_TASKS_EMULATOR_HOST", server.address)
        monkeypatch.setenv("QUEUE_EMAILS", "projects/p/locations/l/queues/emails")
        monkeypatch.setenv("MAIL_TO", "ada@example.com")
        yield server


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """A server's TLS context for 127.0.0.1, and the file with the certificate to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "postbox")])
    now = datetime.now(UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("certificate")
    public, private = folder / "public.pem", folder / "private.pem"
    public.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(public, private)
    return context, public


@pytest.fixture
def photo(monkeypatch: pytest.MonkeyPatch) -> Callable[..., bytes]:
    """A photograph-like JPEG: `photo(width, height, seed=…, orientation=…)`."""
    monkeypatch.syspath_prepend(HANDLERS / "thumbnails")
    made: Callable[..., bytes] = importlib.import_module("sample").photo
    return made
