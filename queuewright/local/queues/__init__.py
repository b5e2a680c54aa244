"""From a configuration to the engine's queues, policies and settings."""
