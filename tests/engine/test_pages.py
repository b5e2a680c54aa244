"""Pages of a list: their tokens and their size."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queuewright.engine.service.pages import LIFETIME_US, PageTokens, page_size
from queuewright.errors import Refusal


def test_a_page_token_is_valid_for_two_hours() -> None:
    pages = PageTokens(1)
    token = pages.token("query", "last", 0)
    assert pages.after(token, "query", LIFETIME_US - 1) == "last"
    with pytest.raises(Refusal, match="expired"):
        pages.after(token, "query", LIFETIME_US)


def test_a_page_token_of_another_request_or_engine_is_refused() -> None:
    token = PageTokens(1).token("query", 5, 0)
    with pytest.raises(Refusal, match="another request"):
        PageTokens(1).after(token, "other", 0)
    with pytest.raises(Refusal, match="invalid"):
        PageTokens(2).after(token, "query", 0)


@settings(deadline=None)
@given(st.text(max_size=40))
def test_other_text_is_not_accepted_as_a_page_token(text: str) -> None:
    if text:
        with pytest.raises(Refusal, match="page token is invalid"):
            PageTokens(1).after(text, "query", 0)


def test_a_page_has_the_requested_size_up_to_the_maximum() -> None:
    assert [page_size(asked, 1000) for asked in (0, 1, 1000, 5000)] == [1000, 1, 1000, 1000]
    with pytest.raises(Refusal, match="negative"):
        page_size(-1, 1000)
