"""The tokens that a dispatched task carries, signed with a key of this machine.

Shapes as Google's: an OIDC token is a JWT (RS256) with the claims that
https://cloud.google.com/docs/authentication/token-types describes, an OAuth access token is
opaque to whoever receives it. Nothing here knows a socket or a clock: every time is handed in,
in microseconds since the epoch.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from google.auth import crypt, jwt
from google.auth.exceptions import GoogleAuthError

from queuewright.errors import Refusal, TargetError

GOOGLE_ISSUER: Final = "https://accounts.google.com"
"""What Google's tokens name as their issuer, and what handlers check."""

LIFETIME_S: Final = 3600
"""How long a token is valid, as Google's (https://cloud.google.com/docs/authentication/token-types)."""

DEFAULT_SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
"""The scope of an OAuth token that asks for none (`OAuthToken.scope` in target.proto)."""

KEY_FILE: Final = "signing-key.pem"
"""The key's name in a state folder; readable by its owner only."""

_KEY_BITS: Final = 2048
_ACCESS_TOKEN_PREFIX: Final = "ya29."
_CERTIFICATE_FROM: Final = datetime(2020, 1, 1, tzinfo=UTC)
_CERTIFICATE_UNTIL: Final = datetime(2120, 1, 1, tzinfo=UTC)

Claims = Mapping[str, object]


class Signer:
    """Signs tokens as Google would, for accounts that exist only in a configuration.

    The key is made at its first use, so an engine whose tasks carry no token never waits for one.

    Args:
        issuer: what `iss` says. Google's own by default, because that is what handlers check; a
            checker that follows the discovery document needs the URL that document is served at.
    """

    def __init__(
        self,
        *,
        issuer: str = GOOGLE_ISSUER,
        load: Callable[[], rsa.RSAPrivateKey] | None = None,
    ) -> None:
        self.issuer = issuer
        self._load = load or _generate

    @classmethod
    def in_folder(cls, folder: Path, *, issuer: str = GOOGLE_ISSUER) -> Signer:
        """Return a signer whose key stays in `folder` (made there when it is missing).

        Its first use raises `TargetError` when the key's file is not an RSA key.
        """
        return cls(issuer=issuer, load=lambda: _kept_in(folder / KEY_FILE))

    def oidc(self, email: str, audience: str, now_us: int) -> str:
        """Return an ID token of the service account `email` for `audience`, valid for an hour."""
        issued = now_us // 1_000_000
        number = account_number(email)
        claims = {
            "aud": audience,
            "azp": number,
            "email": email,
            "email_verified": True,
            "exp": issued + LIFETIME_S,
            "iat": issued,
            "iss": self.issuer,
            "sub": number,
        }
        token: bytes = jwt.encode(self._signing, claims)  # type: ignore[no-untyped-call]
        return token.decode()

    def oauth(self, email: str, scope: str, now_us: int) -> str:
        """Return an access token of `email` for `scope` (empty: the cloud-platform scope).

        To a handler it is opaque; `verify_access` reads it back.
        """
        issued = now_us // 1_000_000
        claims = {
            "azp": account_number(email),
            "email": email,
            "exp": issued + LIFETIME_S,
            "scope": scope or DEFAULT_SCOPE,
        }
        payload = json.dumps(claims, separators=(",", ":")).encode()
        signature = self._signing.sign(_ACCESS_TOKEN_PREFIX.encode() + payload)
        return f"{_ACCESS_TOKEN_PREFIX}{_base64url(payload)}.{_base64url(signature)}"

    def verify(self, token: str, audience: str, now_us: int) -> Claims:
        """Return the claims of an ID token that this signer made for `audience`.

        Raises:
            Refusal: UNAUTHENTICATED, with what is wrong: not a token, not ours, expired, not yet
                valid, or made for another audience.
        """
        claims = self._signed_claims(token)
        now = now_us // 1_000_000
        issued, expires = claims.get("iat"), claims.get("exp")
        if not isinstance(issued, int) or not isinstance(expires, int):
            raise _unauthenticated("the token has no `iat` or no `exp`")
        if now < issued:
            raise _unauthenticated(f"the token is valid only from {_moment(issued)}")
        if now >= expires:
            raise _unauthenticated(f"the token expired at {_moment(expires)}")
        if claims.get("aud") != audience:
            raise _unauthenticated(
                f"the token's audience is `{claims.get('aud')}`, expected `{audience}`"
            )
        return claims

    def verify_access(self, token: str, now_us: int) -> Claims:
        """Return `azp`, `email`, `exp` and `scope` of an access token that this signer made.

        Raises:
            Refusal: UNAUTHENTICATED when it is not ours or has expired.
        """
        prefix, _, rest = token.partition(".")
        encoded, _, signature = rest.partition(".")
        payload = _from_base64url(encoded)
        signed = _ACCESS_TOKEN_PREFIX.encode() + payload
        if f"{prefix}." != _ACCESS_TOKEN_PREFIX or not self._signed(signed, signature):
            raise _unauthenticated("the access token was not issued here")
        claims: dict[str, object] = json.loads(payload)
        expires = claims["exp"]
        assert isinstance(expires, int), "a payload with our signature has our shape"
        if now_us // 1_000_000 >= expires:
            raise _unauthenticated(f"the access token expired at {_moment(expires)}")
        return claims

    def jwks(self) -> dict[str, object]:
        """Return the public key as a JSON Web Key Set (RFC 7517)."""
        numbers = self._key.public_key().public_numbers()
        key = {
            "alg": "RS256",
            "e": _base64url(_big_endian(numbers.e)),
            "kid": self.key_id,
            "kty": "RSA",
            "n": _base64url(_big_endian(numbers.n)),
            "use": "sig",
        }
        return {"keys": [key]}

    def certificates(self) -> dict[str, str]:
        """Return `{key id: X.509 certificate in PEM}`, the form Google's libraries ask for.

        It is what https://www.googleapis.com/oauth2/v1/certs serves; `google-auth` verifies
        against it without a further dependency.
        """
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "queuewright")])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(int(self.key_id, 16) >> 1)  # at most 159 bits, RFC 5280
            .not_valid_before(_CERTIFICATE_FROM)
            .not_valid_after(_CERTIFICATE_UNTIL)
            .sign(self._key, hashes.SHA256())
        )
        return {self.key_id: certificate.public_bytes(serialization.Encoding.PEM).decode()}

    def discovery(self, base_url: str) -> dict[str, object]:
        """Return the OpenID discovery document of a server at `base_url`."""
        return {
            "issuer": self.issuer,
            "jwks_uri": f"{base_url.rstrip('/')}/oauth2/v3/certs",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "claims_supported": [
                "aud",
                "azp",
                "email",
                "email_verified",
                "exp",
                "iat",
                "iss",
                "sub",
            ],
        }

    @cached_property
    def key_id(self) -> str:
        """The key's id, `kid` in a token's header: 40 hexadecimal digits of its public half."""
        public = self._key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return hashlib.sha256(public).hexdigest()[:40]

    @cached_property
    def _key(self) -> rsa.RSAPrivateKey:
        return self._load()

    @cached_property
    def _signing(self) -> crypt.RSASigner:
        return crypt.RSASigner(self._key, key_id=self.key_id)  # type: ignore[no-untyped-call]

    def _signed_claims(self, token: str) -> Claims:
        try:
            header: Claims = jwt.decode_header(token)  # type: ignore[no-untyped-call]
            claims: Claims = jwt.decode(token, verify=False)  # type: ignore[no-untyped-call]
        except (GoogleAuthError, ValueError) as error:
            raise _unauthenticated("this is not a JSON Web Token") from error
        message, _, signature = token.rpartition(".")
        if header.get("alg") != "RS256" or not self._signed(message.encode(), signature):
            raise _unauthenticated("the token was not issued here")
        return claims

    def _signed(self, message: bytes, signature: str) -> bool:
        try:
            self._key.public_key().verify(
                _from_base64url(signature), message, padding.PKCS1v15(), hashes.SHA256()
            )
        except InvalidSignature:
            return False
        return True


def account_number(email: str) -> str:
    """Return the numeric id of a service account: 21 digits, the same for the same address."""
    digest = int.from_bytes(hashlib.sha256(email.encode()).digest())
    return str(10**20 + digest % 10**20)


def _generate() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)


def _kept_in(file: Path) -> rsa.RSAPrivateKey:
    if not file.exists():
        _write(file, _generate())
    file.chmod(0o600)
    try:
        key = serialization.load_pem_private_key(file.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise _damaged(file) from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise _damaged(file)
    return key


def _write(file: Path, key: rsa.RSAPrivateKey) -> None:
    """Put `key` in `file` whole or not at all, and never over another's."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:
        handle.write(pem)
    with contextlib.suppress(FileExistsError):
        os.link(draft, file)
    draft.unlink()


def _damaged(file: Path) -> TargetError:
    return TargetError(
        f"`{file}` is not an RSA private key",
        hint="delete it: a new one is made, and tokens signed with the old one are no longer valid",
    )


def _unauthenticated(text: str) -> Refusal:
    return Refusal("UNAUTHENTICATED", text)


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _big_endian(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8)


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _from_base64url(text: str) -> bytes:
    """Return the bytes of `text`; what is not base64 has none, so no signature matches it."""
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return b""
