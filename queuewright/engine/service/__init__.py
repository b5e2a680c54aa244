"""The service behind every protocol and version: one method for each RPC."""
