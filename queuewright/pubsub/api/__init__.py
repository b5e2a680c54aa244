"""Bytes to messages and back, over gRPC."""
