"""The environment on this machine: engine, handler processes and their front doors.

`queuewright.local.environment` has it all; what is here is cheap to import.
"""

from queuewright.local.state_folder import STATE_FOLDER, Running, find_running

__all__ = ["STATE_FOLDER", "Running", "find_running"]
