"""Filters of subscriptions, on the attributes of messages.

::

    attributes:key                        has the key
    attributes.key = "value"              also `!=`
    hasPrefix(attributes.key, "prefix")
    NOT a, -a, a AND b, a OR b, (a)

Keys with characters other than letters, digits, `_` and `-` are quoted. Operators are upper case.
`AND` and `OR` cannot be mixed without parentheses. `!=` also matches messages without the key.
Source: https://cloud.google.com/pubsub/docs/subscription-message-filter.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, NoReturn

from queuewright.cloud_tasks.pubsub import MAX_FILTER_BYTES

Matches = Callable[[Mapping[str, str]], bool]
"""Tells whether a message's attributes match."""

_TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<text>"(?:[^"\\]|\\.)*")
      | (?P<word>[A-Za-z0-9_][A-Za-z0-9_-]*)
      | (?P<sign>!=|[=:.,()-])
    )""",
    re.VERBOSE,
)
_RESERVED: Final = ("AND", "OR", "NOT")
_DEEPEST: Final = 60
"""How deep parentheses and NOTs may nest: more than `MAX_FILTER_BYTES` is good for."""


class FilterError(ValueError):
    """A text that is not a filter: what is wrong, and at which character, counted from 1."""

    def __init__(self, problem: str, column: int) -> None:
        self.problem = problem
        self.column = column
        super().__init__(f"{problem} (at character {column})")


def attribute_filter(text: str) -> Matches:
    """Return a function that tells whether a message's attributes match.

    An empty filter matches every message.

    Raises:
        FilterError: the text is not a filter, or longer than 256 bytes.

    >>> is_urgent = attribute_filter('attributes.kind = "report" AND NOT attributes:draft')
    >>> is_urgent({"kind": "report"}), is_urgent({"kind": "report", "draft": ""})
    (True, False)
    >>> attribute_filter('attributes.kind == "report"')
    Traceback (most recent call last):
    queuewright.pubsub.rules.filters.FilterError: expected a quoted value, not `=` (at character 18)
    """
    if len(text.encode()) > MAX_FILTER_BYTES:
        raise FilterError(f"the filter is longer than {MAX_FILTER_BYTES} bytes", MAX_FILTER_BYTES)
    if not text.strip():
        return lambda _: True
    parser = _Parser(text)
    matches = parser.expression()
    if parser.next.kind != "end":
        parser.fail("the end, `AND` or `OR`")
    return matches


class _Token(NamedTuple):
    kind: str
    text: str
    column: int


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._place = 0
        self._depth = 0
        self.next = self._scanned()

    def expression(self) -> Matches:
        """Terms joined by AND, or terms joined by OR."""
        terms = [self._term()]
        joined = self.next.text if self._is_word("AND", "OR") else ""
        while self._is_word("AND", "OR"):
            if self.next.text != joined:
                raise FilterError(
                    "`AND` and `OR` are mixed: put parentheses around one of them", self.next.column
                )
            self._advance()
            terms.append(self._term())
        if len(terms) == 1:
            return terms[0]
        every = all if joined == "AND" else any
        return lambda attributes: every(term(attributes) for term in terms)

    def fail(self, expected: str) -> NoReturn:
        """Report the next token."""
        found = f"`{self.next.text}`" if self.next.kind != "end" else "the end"
        raise FilterError(f"expected {expected}, not {found}", self.next.column)

    def _term(self) -> Matches:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise FilterError("the filter is nested too deeply", self.next.column)
        try:
            if self._is_word("NOT") or self._is_sign("-"):
                self._advance()
                term = self._term()
                return lambda attributes: not term(attributes)
            if self._is_sign("("):
                self._advance()
                inner = self.expression()
                self._expect(")")
                return inner
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> Matches:
        if self._is_word("hasPrefix"):
            self._advance()
            self._expect("(")
            self._attributes()
            self._expect(".")
            key = self._key()
            self._expect(",")
            prefix = self._value()
            self._expect(")")
            return lambda attributes: key in attributes and attributes[key].startswith(prefix)
        self._attributes('a comparison such as `attributes.kind = "report"`')
        if self._is_sign(":"):
            self._advance()
            key = self._key()
            return lambda attributes: key in attributes
        self._expect(".", "`.` or `:`")
        key = self._key()
        if not self._is_sign("=", "!="):
            self.fail("`=` or `!=`")
        is_equal = self._advance().text == "="
        value = self._value()
        return lambda attributes: (attributes.get(key) == value) is is_equal

    def _attributes(self, expected: str = "`attributes`") -> None:
        if not self._is_word("attributes"):
            self.fail(expected)
        self._advance()

    def _key(self) -> str:
        if self.next.kind == "text":
            return self._unquoted()
        if self.next.kind != "word" or self.next.text in _RESERVED:
            self.fail("an attribute's key")
        return self._advance().text

    def _value(self) -> str:
        if self.next.kind != "text":
            self.fail("a quoted value")
        return self._unquoted()

    def _unquoted(self) -> str:
        token = self._advance()
        try:
            return str(json.loads(token.text, strict=False))
        except ValueError:
            raise FilterError(f"unknown escape in {token.text}", token.column) from None

    def _expect(self, sign: str, expected: str = "") -> None:
        if not self._is_sign(sign):
            self.fail(expected or f"`{sign}`")
        self._advance()

    def _is_word(self, *words: str) -> bool:
        return self.next.kind == "word" and self.next.text in words

    def _is_sign(self, *signs: str) -> bool:
        return self.next.kind == "sign" and self.next.text in signs

    def _advance(self) -> _Token:
        token, self.next = self.next, self._scanned()
        return token

    def _scanned(self) -> _Token:
        match = _TOKEN.match(self._text, self._place)
        if match is None:
            rest = self._text[self._place :].lstrip()
            column = len(self._text) - len(rest) + 1
            if not rest:
                return _Token("end", "", column)
            problem = "a quotation mark is missing" if rest[0] == '"' else f"unexpected {rest[0]!r}"
            raise FilterError(problem, column)
        self._place = match.end()
        kind = match.lastgroup or ""
        return _Token(kind, match[kind], match.start(kind) + 1)
