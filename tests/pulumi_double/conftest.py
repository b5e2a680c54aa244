"""Fixtures of the provider double's own tests."""

from tests.pulumi_double.fixtures import deploy

__all__ = ["deploy"]
