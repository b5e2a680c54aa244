"""Who a process is for Google."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from queuewright_runtime.credentials import access_token
from queuewright_runtime.errors import ApiError
from queuewright_runtime.metadata import MetadataToken
from tests.runtime.servers import Prepared, scripted

ANSWER = Prepared(200, b'{"access_token": "ours", "expires_in": 3600, "token_type": "Bearer"}')


def test_the_credentials_are_those_of_googles_clients(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    with scripted(ANSWER) as server:
        account = {
            "type": "service_account",
            "client_email": "web@acme-dev.iam.gserviceaccount.com",
            "private_key": text,
            "token_uri": f"{server.url}/token",
        }
        file = tmp_path / "key.json"
        file.write_text(json.dumps(account))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
        token = access_token()
        assert [token(), token()] == ["ours", "ours"]
        assert len(server.received) == 1


def test_without_credentials_the_error_says_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "missing.json"))
    with pytest.raises(ApiError, match="gcloud auth application-default login"):
        access_token()()


def test_without_google_auth_the_metadata_server_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google.auth.transport.requests", None)
    token = access_token()
    assert isinstance(token, MetadataToken)
    with scripted(ANSWER) as server:
        monkeypatch.setenv("GCE_METADATA_HOST", f"127.0.0.1:{server.port}")
        assert token() == "ours"
