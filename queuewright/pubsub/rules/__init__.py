"""The rules of Pub/Sub: decisions on data, with only the standard library.

A `Backlog` is one subscription's messages; `filters` parses a subscription's filter.
"""
