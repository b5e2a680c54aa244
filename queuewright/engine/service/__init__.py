"""The API as methods: one for each RPC, shared by every protocol and version."""
