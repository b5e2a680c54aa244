"""Tests of the engine: tables, properties, the real client, and crashes."""
