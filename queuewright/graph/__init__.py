"""The resource graph of a Pulumi program, captured in this process."""

from queuewright.graph.access import Answer, Grant
from queuewright.graph.capture import capture
from queuewright.graph.graph import Graph
from queuewright.graph.mocks import GoogleMocks
from queuewright.graph.resource import Resource
from queuewright.graph.wire import UNKNOWN, Asset

__all__ = ["UNKNOWN", "Answer", "Asset", "GoogleMocks", "Grant", "Graph", "Resource", "capture"]
