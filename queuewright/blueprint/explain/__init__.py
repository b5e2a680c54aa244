"""Explains a blueprint: its parts, and why each is there. Pure."""

from queuewright.blueprint.explain.explain import explain_data, explain_text

__all__ = ["explain_data", "explain_text"]
