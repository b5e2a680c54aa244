"""The token cache."""

from queuewright.engine.dispatch.token_cache import TokenCache
from queuewright.engine.dispatch.tokens import Signer

S = 1_000_000


def test_a_cached_token_equals_a_new_one() -> None:
    signer = Signer()
    cache = TokenCache(signer)
    for now_us in (5 * S, 5 * S + 999_999, 6 * S, 5 * S):
        assert cache.oidc("a@p", "aud", now_us) == signer.oidc("a@p", "aud", now_us)
        assert cache.oidc("b@p", "aud", now_us) == signer.oidc("b@p", "aud", now_us)
        assert cache.oauth("a@p", "aud", now_us) == signer.oauth("a@p", "aud", now_us)


def test_a_token_is_signed_once_a_second() -> None:
    class Counting:
        signed = 0

        def oidc(self, email: str, audience: str, now_us: int) -> str:
            self.signed += 1
            return f"{email}{audience}{now_us}"

        oauth = oidc

    signer = Counting()
    cache = TokenCache(signer)
    for now_us in range(0, 3 * S, 1_000):
        cache.oidc("a@p", "aud", now_us)
    assert signer.signed == 3
