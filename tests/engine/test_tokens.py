"""The tokens that the engine signs and checks."""

from __future__ import annotations

import base64
import json
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from google.auth import crypt, jwt
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwt as jose_jwt
from joserfc.jwk import KeySet, RSAKey

from queuewright.engine.dispatch.tokens import (
    GOOGLE_ISSUER,
    KEY_FILE,
    Signer,
    account_number,
)
from queuewright.errors import Refusal, TargetError

NOW_US = 1_800_000_000_123_456
EMAIL = "mailer-invoker@acme-dev.iam.gserviceaccount.com"
AUDIENCE = "https://mailer.example/send?x=1"


def _pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer()


def test_an_id_token_has_googles_claims(signer: Signer) -> None:
    """Issuer, audience, account and an hour of life are what a handler on Google would see."""
    token = signer.oidc(EMAIL, AUDIENCE, NOW_US)
    number = account_number(EMAIL)
    assert jwt.decode(token, verify=False) == {
        "iss": "https://accounts.google.com",
        "aud": AUDIENCE,
        "azp": number,
        "sub": number,
        "email": EMAIL,
        "email_verified": True,
        "iat": 1_800_000_000,
        "exp": 1_800_003_600,
    }
    assert jwt.decode_header(token) == {"alg": "RS256", "typ": "JWT", "kid": signer.key_id}


def test_an_account_number_is_21_digits_and_stable() -> None:
    """The same address always has the same number, another address has another one."""
    numbers = {account_number(f"a{n}@p.iam.gserviceaccount.com") for n in range(200)}
    assert len(numbers) == 200
    assert all(len(number) == 21 and number.isdecimal() for number in numbers)
    assert account_number("a@p.iam.gserviceaccount.com") == "197599644407673767578"


def test_the_issuer_can_be_our_own(signer: Signer) -> None:
    """The token and the discovery document name the same issuer."""
    own = Signer(issuer="http://127.0.0.1:8124")
    assert jwt.decode(own.oidc(EMAIL, "a", NOW_US), verify=False)["iss"] == own.issuer
    assert own.discovery("http://127.0.0.1:8124")["issuer"] == own.issuer
    assert signer.issuer == GOOGLE_ISSUER


def test_a_token_verifies_against_the_published_certificate(signer: Signer) -> None:
    """Google's own library accepts our signature with the published certificate."""
    token = signer.oidc(EMAIL, AUDIENCE, NOW_US)
    message, _, signature = token.rpartition(".")
    certificate = signer.certificates()[signer.key_id]
    assert crypt.verify_signature(message, _decoded(signature), [certificate])
    assert not crypt.verify_signature(message + "x", _decoded(signature), [certificate])


def test_a_token_verifies_against_the_published_key_set(signer: Signer) -> None:
    """A JOSE library that is given the key set accepts the token."""
    keys = KeySet.import_key_set(signer.jwks())  # type: ignore[arg-type]
    token = jose_jwt.decode(signer.oidc(EMAIL, AUDIENCE, NOW_US), keys)
    assert token.claims["email"] == EMAIL


def test_the_key_set_holds_the_public_half_only(signer: Signer) -> None:
    (key,) = signer.jwks()["keys"]
    assert key.keys() == {"alg", "e", "kid", "kty", "n", "use"}
    assert (key["alg"], key["kid"], key["kty"], key["use"]) == (
        "RS256", signer.key_id, "RSA", "sig",
    )  # fmt: skip


def test_discovery_names_the_key_set_under_the_servers_own_address(signer: Signer) -> None:
    """A trailing slash in the address makes no second one in the URL."""
    assert signer.discovery("http://h:1/")["jwks_uri"] == "http://h:1/oauth2/v3/certs"


def test_verify_returns_the_claims_of_a_good_token(signer: Signer) -> None:
    """From the second of issue until just before it expires, for the right audience."""
    token = signer.oidc(EMAIL, AUDIENCE, NOW_US)
    for later_s in (0, 3599):
        claims = signer.verify(token, AUDIENCE, NOW_US + later_s * 1_000_000)
        assert claims["email"] == EMAIL


@pytest.mark.parametrize(
    ("audience", "later_s", "text"),
    [
        (AUDIENCE, 3600, "the token expired at 2027-01-15T09:00:00Z"),
        (AUDIENCE, -1, "the token is valid only from 2027-01-15T08:00:00Z"),
        ("https://other", 0, f"the token's audience is `{AUDIENCE}`, expected `https://other`"),
    ],
)
def test_verify_names_the_reason(signer: Signer, audience: str, later_s: int, text: str) -> None:
    """Each reason for a refusal has its own sentence."""
    token = signer.oidc(EMAIL, AUDIENCE, NOW_US)
    with pytest.raises(Refusal) as refused:
        signer.verify(token, audience, NOW_US + later_s * 1_000_000)
    assert (refused.value.code, refused.value.message) == ("UNAUTHENTICATED", text)


def test_verify_refuses_what_another_key_signed(signer: Signer) -> None:
    """The right claims do not make up for a foreign signature."""
    foreign = Signer().oidc(EMAIL, AUDIENCE, NOW_US)
    with pytest.raises(Refusal, match="the token was not issued here"):
        signer.verify(foreign, AUDIENCE, NOW_US)


def test_verify_refuses_a_token_that_says_it_needs_no_signature(signer: Signer) -> None:
    """`alg: none`, the oldest trick, is not accepted."""
    header, payload, signature = signer.oidc(EMAIL, AUDIENCE, NOW_US).split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    assert header != none
    for end in ("", signature):
        with pytest.raises(Refusal, match="not issued here"):
            signer.verify(f"{none}.{payload}.{end}", AUDIENCE, NOW_US)


_SHARED = Signer()


@settings(deadline=None)
@given(token=st.one_of(st.text(max_size=60), st.from_regex(r"\A[A-Za-z0-9_.-]{0,80}\Z")))
def test_verify_refuses_any_other_text(token: str) -> None:
    """Whatever a caller puts after `Bearer`, the answer is UNAUTHENTICATED, never a crash."""
    _assert_refused(token)


_ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["alg", "RS256", "none", "b64"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["alg", "b64", "crit", "jwk", "kid", "typ"]), inner)
    ),
    max_leaves=6,
)


@settings(deadline=None)
@given(header=_ANY_JSON, payload=_ANY_JSON)
def test_verify_refuses_any_other_header(header: object, payload: object) -> None:
    """JSON of another shape than a header's is refused too."""
    parts = [json.dumps(part).encode() for part in (header, payload)] + [b"signature"]
    _assert_refused(".".join(_encoded(part) for part in parts))


@pytest.mark.parametrize("token", ["\udc80.e30.e30", "é.é.é", "." * 200_000])
def test_verify_refuses_text_that_no_header_should_hold(token: str) -> None:
    """Bytes that are not UTF-8 reach us as lone surrogates."""
    _assert_refused(token)


def _assert_refused(token: str) -> None:
    with pytest.raises(Refusal) as refused:
        _SHARED.verify(token, AUDIENCE, NOW_US)
    assert refused.value.code == "UNAUTHENTICATED"


def test_an_access_token_begins_as_googles_and_names_its_scope(signer: Signer) -> None:
    token = signer.oauth(EMAIL, "https://www.googleapis.com/auth/pubsub", NOW_US)
    assert token.startswith("ya29.")
    assert jwt.decode(token.removeprefix("ya29."), verify=False) == {
        "azp": account_number(EMAIL),
        "email": EMAIL,
        "iat": 1_800_000_000,
        "exp": 1_800_003_600,
        "scope": "https://www.googleapis.com/auth/pubsub",
    }


def test_an_access_token_is_not_accepted_as_an_id_token(signer: Signer) -> None:
    """Not even without its prefix: it was made for no audience."""
    token = signer.oauth(EMAIL, "scope", NOW_US)
    for text in (token, token.removeprefix("ya29.")):
        with pytest.raises(Refusal):
            signer.verify(text, AUDIENCE, NOW_US)


def test_a_key_in_a_folder_outlives_the_signer(tmp_path: Path) -> None:
    """Tokens from before a restart are still valid."""
    token = Signer.in_folder(tmp_path / "state").oidc(EMAIL, AUDIENCE, NOW_US)
    again = Signer.in_folder(tmp_path / "state")
    assert again.verify(token, AUDIENCE, NOW_US)["email"] == EMAIL
    assert [file.name for file in (tmp_path / "state").iterdir()] == [KEY_FILE]


def test_the_key_file_is_for_its_owner_only(tmp_path: Path) -> None:
    """The mode is 0600, even if somebody had widened it."""
    Signer.in_folder(tmp_path).jwks()
    file = tmp_path / KEY_FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(0o644)
    Signer.in_folder(tmp_path).jwks()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_no_key_is_made_before_it_is_needed(tmp_path: Path) -> None:
    """An engine whose tasks carry no token leaves no key behind."""
    Signer.in_folder(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_key_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    """State folders of earlier versions hold a key that `cryptography` wrote (PKCS #8)."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    (tmp_path / KEY_FILE).write_bytes(_pem(key))
    token = Signer.in_folder(tmp_path).oidc(EMAIL, AUDIENCE, NOW_US)
    message, _, signature = token.rpartition(".")
    assert crypt.RSAVerifier(key.public_key()).verify(message, _decoded(signature))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a key",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        b"\xff-----BEGIN PRIVATE KEY-----",
        _pem(ec.generate_private_key(ec.SECP256R1())),
        RSAKey.generate_key(2048).as_pem(private=False),
    ],
    ids=["empty", "text", "cut", "bytes", "elliptic", "public"],
)
def test_a_damaged_key_file_is_named_and_left_alone(tmp_path: Path, content: bytes) -> None:
    """The error says which file and what deleting it costs; the file stays as it is."""
    file = tmp_path / KEY_FILE
    file.write_bytes(content)
    with pytest.raises(TargetError, match="is not an RSA private key") as failed:
        Signer.in_folder(tmp_path).oidc(EMAIL, AUDIENCE, NOW_US)
    assert "delete it" in (failed.value.hint or "")
    assert file.read_bytes() == content


def test_tokens_are_json_that_any_library_reads(signer: Signer) -> None:
    """The payload is plain JSON with numbers as numbers."""
    payload = json.loads(_decoded(signer.oidc(EMAIL, AUDIENCE, NOW_US).split(".")[1]))
    assert isinstance(payload["iat"], int)
    assert payload["email_verified"] is True


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_an_access_token_is_valid_for_its_scope_and_an_hour(signer: Signer) -> None:
    """A wrong scope, an expired one and one of another signer are refused, with the reason."""
    token = signer.oauth(EMAIL, "scope-a", NOW_US)
    assert signer.verify_access(token, "scope-a", NOW_US)["email"] == EMAIL
    later_us = NOW_US + 3_600_000_000
    for verify, reason in (
        (lambda: signer.verify_access(token, "scope-b", NOW_US), "expected `scope-b`"),
        (lambda: signer.verify_access(token, "scope-a", later_us), "expired"),
        (lambda: Signer().verify_access(token, "scope-a", NOW_US), "not issued here"),
        (lambda: signer.verify(token.removeprefix("ya29."), AUDIENCE, NOW_US), "audience"),
    ):
        with pytest.raises(Refusal, match=reason) as refused:
            verify()
        assert refused.value.code == "UNAUTHENTICATED"
