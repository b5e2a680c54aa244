"""What tests import: a Pulumi program's resources as a graph, and claims about them."""

from queuewright.graph import UNKNOWN, Answer, Asset, Grant, Graph, Resource, capture

__all__ = ["UNKNOWN", "Answer", "Asset", "Grant", "Graph", "Resource", "capture"]
