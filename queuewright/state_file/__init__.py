"""The state files of the engine and of Pub/Sub: SQLite, locked, checked, and kept small.

Other packages import from here.
"""

from queuewright.state_file.file import Row, StateFile
from queuewright.state_file.idle_checkpoint import IdleCheckpoint
from queuewright.state_file.kind import StateKind, StateRefusals
from queuewright.state_file.opening import opened

__all__ = ["IdleCheckpoint", "Row", "StateFile", "StateKind", "StateRefusals", "opened"]
