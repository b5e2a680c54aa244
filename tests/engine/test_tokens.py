"""What a handler may rely on in the tokens that the engine signs."""

from __future__ import annotations

import base64
import json
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import crypt, jwt
from hypothesis import given
from hypothesis import strategies as st

from queuewright.engine.dispatch.tokens import (
    DEFAULT_SCOPE,
    GOOGLE_ISSUER,
    KEY_FILE,
    Signer,
    account_number,
)
from queuewright.errors import Refusal, TargetError

NOW_US = 1_800_000_000_123_456
EMAIL = "mailer-invoker@acme-dev.iam.gserviceaccount.com"
AUDIENCE = "https://mailer.example/send?x=1"


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
    """A checker that follows the discovery document finds one issuer in both places."""
    own = Signer(issuer="http://127.0.0.1:8124")
    assert jwt.decode(own.oidc(EMAIL, "a", NOW_US), verify=False)["iss"] == own.issuer
    assert own.discovery("http://127.0.0.1:8124")["issuer"] == own.issuer
    assert signer.issuer == GOOGLE_ISSUER


def test_a_token_verifies_against_the_published_certificate(signer: Signer) -> None:
    """What Google's own library does with the certificates endpoint accepts our signature."""
    token = signer.oidc(EMAIL, AUDIENCE, NOW_US)
    message, _, signature = token.rpartition(".")
    certificate = signer.certificates()[signer.key_id]
    assert crypt.verify_signature(message, _decoded(signature), [certificate])
    assert not crypt.verify_signature(message + "x", _decoded(signature), [certificate])


def test_a_token_verifies_against_the_published_key_set(signer: Signer) -> None:
    """The JWK's modulus and exponent are those of the key that signs."""
    (key,) = signer.jwks()["keys"]
    public = rsa.RSAPublicNumbers(
        int.from_bytes(_decoded(key["e"])), int.from_bytes(_decoded(key["n"]))
    ).public_key()
    message, _, signature = signer.oidc(EMAIL, AUDIENCE, NOW_US).rpartition(".")
    assert crypt.RSAVerifier(public).verify(message, _decoded(signature))
    assert key["kid"] == signer.key_id


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
def test_verify_says_what_is_wrong(signer: Signer, audience: str, later_s: int, text: str) -> None:
    """Each reason for a refusal has its own sentence."""
    token = signer.oidc(EMAIL, AUDIENCE, NOW_US)
    with pytest.raises(Refusal) as refused:
        signer.verify(token, audience, NOW_US + later_s * 1_000_000)
    assert (refused.value.code, refused.value.message) == ("UNAUTHENTICATED", text)


def test_verify_refuses_what_another_key_signed(signer: Signer) -> None:
    """A token with the right claims and a foreign signature is nobody's."""
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


@given(token=st.one_of(st.text(max_size=60), st.from_regex(r"\A[A-Za-z0-9_.-]{0,80}\Z")))
def test_verify_refuses_any_other_text(token: str) -> None:
    """Whatever a caller puts behind `Bearer`, the answer is UNAUTHENTICATED, never a crash."""
    with pytest.raises(Refusal) as refused:
        _SHARED.verify(token, AUDIENCE, NOW_US)
    assert refused.value.code == "UNAUTHENTICATED"
    with pytest.raises(Refusal) as refused:
        _SHARED.verify_access(token, NOW_US)
    assert refused.value.code == "UNAUTHENTICATED"


_SHARED = Signer()


def test_an_access_token_is_opaque_and_holds_its_scope(signer: Signer) -> None:
    """It starts as Google's do and only this signer can read it back."""
    token = signer.oauth(EMAIL, "https://www.googleapis.com/auth/pubsub", NOW_US)
    assert token.startswith("ya29.")
    claims = signer.verify_access(token, NOW_US)
    assert claims["scope"] == "https://www.googleapis.com/auth/pubsub"
    assert claims["email"] == EMAIL
    with pytest.raises(Refusal, match="was not issued here"):
        Signer().verify_access(token, NOW_US)
    with pytest.raises(Refusal, match="expired at 2027-01-15T09:00:00Z"):
        signer.verify_access(token, NOW_US + 3_600_000_000)


def test_an_access_token_without_a_scope_gets_googles_default(signer: Signer) -> None:
    """`OAuthToken.scope` left empty means the cloud-platform scope."""
    assert signer.verify_access(signer.oauth(EMAIL, "", NOW_US), NOW_US)["scope"] == DEFAULT_SCOPE


def test_a_key_in_a_folder_outlives_the_signer(tmp_path: Path) -> None:
    """After a restart the tokens of before are still good."""
    token = Signer.in_folder(tmp_path / "state").oidc(EMAIL, AUDIENCE, NOW_US)
    again = Signer.in_folder(tmp_path / "state")
    assert again.verify(token, AUDIENCE, NOW_US)["email"] == EMAIL
    assert [file.name for file in (tmp_path / "state").iterdir()] == [KEY_FILE]


def test_the_key_file_is_for_its_owner_only(tmp_path: Path) -> None:
    """Mode 0600, also when somebody had opened it wider."""
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


@pytest.mark.parametrize(
    "content",
    [b"", b"not a key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"],
)
def test_a_damaged_key_file_is_named_and_left_alone(tmp_path: Path, content: bytes) -> None:
    """The error says which file and what deleting it costs; the file stays as it is."""
    file = tmp_path / KEY_FILE
    file.write_bytes(content)
    with pytest.raises(TargetError, match="is not an RSA private key") as failed:
        Signer.in_folder(tmp_path).oidc(EMAIL, AUDIENCE, NOW_US)
    assert "delete it" in (failed.value.hint or "")
    assert file.read_bytes() == content


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_tokens_are_json_that_any_library_reads(signer: Signer) -> None:
    """The payload is plain JSON with numbers as numbers."""
    payload = json.loads(_decoded(signer.oidc(EMAIL, AUDIENCE, NOW_US).split(".")[1]))
    assert isinstance(payload["iat"], int)
    assert payload["email_verified"] is True
