"""What a user imports in tests: the resources of a Pulumi program, and claims about them."""

from queuewright.testing.access import Answer, Grant
from queuewright.testing.capture import capture
from queuewright.testing.graph import Graph
from queuewright.testing.resource import Resource
from queuewright.testing.wire import UNKNOWN, Asset

__all__ = ["UNKNOWN", "Answer", "Asset", "Grant", "Graph", "Resource", "capture"]
