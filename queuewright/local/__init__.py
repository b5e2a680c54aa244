"""Environments on this machine: the engine, handler processes and their front doors.

Start with `queuewright.local.environment`. This module itself is cheap to import.
"""

from queuewright.local.state_folder import STATE_FOLDER, Running, find_running

__all__ = ["STATE_FOLDER", "Running", "find_running"]
