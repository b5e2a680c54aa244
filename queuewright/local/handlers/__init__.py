"""The handlers of an environment: how each one runs on this machine, and what keeps it running."""
