"""Pub/Sub's own words: messages, names and refusals."""
