"""The tokens that dispatched tasks carry, signed with a key of this machine.

An OIDC token has the shape of Google's: a JWT (RS256) with the claims described in
https://cloud.google.com/docs/authentication/token-types. An OAuth access token is opaque to the
handler that receives it. Times are microseconds since the epoch, passed in by the caller.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from joserfc import jwt
from joserfc.errors import BadSignatureError, JoseError, UnsupportedAlgorithmError
from joserfc.jwk import RSAKey

from queuewright.engine.protocol.times import SECOND_US, text
from queuewright.errors import Refusal, TargetError

GOOGLE_ISSUER: Final = "https://accounts.google.com"
"""The issuer of Google's tokens, which handlers check."""

LIFETIME_S: Final = 3600
"""How long a token is valid (https://cloud.google.com/docs/authentication/token-types)."""

KEY_FILE: Final = "signing-key.pem"
"""The key's file in a state folder; only its owner may read it."""

ACCESS_TOKEN_PREFIX: Final = "ya29."
"""How Google's access tokens begin."""

_ALGORITHM: Final = "RS256"
_KEY_BITS: Final = 2048
_CERTIFICATE_FROM: Final = datetime(2020, 1, 1, tzinfo=UTC)
_CERTIFICATE_UNTIL: Final = datetime(2120, 1, 1, tzinfo=UTC)

Claims = Mapping[str, object]


class Signer:
    """Signs tokens for service accounts that exist only in a configuration.

    The key is made when it is first used, so an engine without tokens never waits for it.

    Args:
        issuer: the `iss` claim. Google's issuer by default, because handlers check for it. A
            verifier that follows the discovery document needs that document's own base URL.
    """

    def __init__(
        self, *, issuer: str = GOOGLE_ISSUER, load: Callable[[], RSAKey] | None = None
    ) -> None:
        self.issuer = issuer
        self._load = load or _new_key

    @classmethod
    def in_folder(cls, folder: Path, *, issuer: str = GOOGLE_ISSUER) -> Signer:
        """Return a signer that keeps its key in `folder`, creating it if needed.

        The first use of the key raises `TargetError` when the file is not an RSA private key.
        """
        return cls(issuer=issuer, load=lambda: _kept_in(folder / KEY_FILE))

    def oidc(self, email: str, audience: str, now_us: int) -> str:
        """Return an ID token of the service account `email` for `audience`, valid for an hour."""
        number = account_number(email)
        claims = {
            "aud": audience,
            "azp": number,
            "email": email,
            "email_verified": True,
            "iss": self.issuer,
            "sub": number,
        }
        return self._signed("JWT", claims, now_us)

    def oauth(self, email: str, scope: str, now_us: int) -> str:
        """Return an access token of `email` for `scope`."""
        claims = {"azp": account_number(email), "email": email, "scope": scope}
        return ACCESS_TOKEN_PREFIX + self._signed("at+jwt", claims, now_us)

    def verify(self, token: str, audience: str, now_us: int) -> Claims:
        """Return the claims of an ID token that this signer made for `audience`.

        Raises:
            Refusal: UNAUTHENTICATED, with the reason: not a token, signed by another key,
                expired, not valid yet, or made for another audience.
        """
        claims = self._valid(token, now_us)
        if claims.get("aud") != audience:
            raise _unauthenticated(
                f"the token's audience is `{claims.get('aud')}`, expected `{audience}`"
            )
        return claims

    def verify_access(self, token: str, scope: str, now_us: int) -> Claims:
        """Return the claims of an access token that this signer made for `scope`.

        Raises:
            Refusal: UNAUTHENTICATED, with the reason, as for `verify`; or for another scope.
        """
        claims = self._valid(token.removeprefix(ACCESS_TOKEN_PREFIX), now_us)
        if claims.get("scope") != scope:
            raise _unauthenticated(
                f"the token's scope is `{claims.get('scope')}`, expected `{scope}`"
            )
        return claims

    def jwks(self) -> dict[str, object]:
        """Return the public key as a JSON Web Key Set (RFC 7517)."""
        return {"keys": [self._key.as_dict(alg=_ALGORITHM, kid=self.key_id, use="sig")]}

    def certificates(self) -> dict[str, str]:
        """Return `{key id: X.509 certificate in PEM}`, as Google publishes them.

        `google-auth` verifies tokens against it without any further dependency.
        """
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "queuewright")])
        private_key = self._key.private_key
        assert private_key is not None
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key)
            .serial_number(int(self.key_id, 16) >> 1)  # at most 159 bits, RFC 5280
            .not_valid_before(_CERTIFICATE_FROM)
            .not_valid_after(_CERTIFICATE_UNTIL)
            .sign(private_key, hashes.SHA256())
        )
        return {self.key_id: certificate.public_bytes(Encoding.PEM).decode()}

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
        public = self._key.as_der(private=False)
        return hashlib.sha256(public).hexdigest()[:40]

    @cached_property
    def _key(self) -> RSAKey:
        return self._load()

    def _signed(self, kind: str, claims: Claims, now_us: int) -> str:
        issued = now_us // SECOND_US
        header = {"typ": kind, "alg": _ALGORITHM, "kid": self.key_id}
        times = {"iat": issued, "exp": issued + LIFETIME_S}
        return jwt.encode(header, {**claims, **times}, self._key, [_ALGORITHM])

    def _valid(self, token: str, now_us: int) -> Claims:
        """The claims of a token that was made here and is valid now."""
        claims = self._verified(token)
        issued_us, expires_us = claims["iat"] * SECOND_US, claims["exp"] * SECOND_US
        if now_us < issued_us:
            raise _unauthenticated(f"the token is valid only from {text(issued_us)}")
        if now_us >= expires_us:
            raise _unauthenticated(f"the token expired at {text(expires_us)}")
        return claims

    def _verified(self, token: str) -> dict[str, Any]:
        try:
            return jwt.decode(token, self._key, [_ALGORITHM]).claims
        except (BadSignatureError, UnsupportedAlgorithmError) as error:
            raise _unauthenticated("the token was not issued here") from error
        except (JoseError, TypeError, ValueError) as error:  # TypeError: an odd JSON header
            raise _unauthenticated("this is not a JSON Web Token") from error


def account_number(email: str) -> str:
    """Return the numeric id of a service account: 21 digits, derived from its address."""
    digest = int.from_bytes(hashlib.sha256(email.encode()).digest())
    return str(10**20 + digest % 10**20)


def _new_key() -> RSAKey:
    return RSAKey.generate_key(_KEY_BITS)


def _kept_in(file: Path) -> RSAKey:
    if not file.exists():
        _write(file, _new_key())
    file.chmod(0o600)
    try:
        key = RSAKey.import_key(file.read_bytes())
    except (JoseError, ValueError, TypeError) as error:
        raise _damaged(file) from error
    if not key.is_private:
        raise _damaged(file)
    return key


def _write(file: Path, key: RSAKey) -> None:
    """Create `file` with `key` in it, atomically. An existing file wins."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:
        handle.write(key.as_pem(private=True))
    with contextlib.suppress(FileExistsError):
        os.link(draft, file)
    draft.unlink()


def _damaged(file: Path) -> TargetError:
    return TargetError(
        f"`{file}` is not an RSA private key",
        hint="delete it: a new one is made, and tokens signed with the old one are no longer valid",
    )


def _unauthenticated(reason: str) -> Refusal:
    return Refusal("UNAUTHENTICATED", reason)
