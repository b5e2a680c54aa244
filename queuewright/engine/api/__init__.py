"""The wire: gRPC and REST in v2 and v2beta3, on top of the service."""
