"""What is missing, on this machine, in a project or in its cloud, before an `up` can work."""

from queuewright.doctor.examine import examine
from queuewright.doctor.finding import Finding
from queuewright.doctor.machine import Account, Answer, Machine, ThisMachine

__all__ = ["Account", "Answer", "Finding", "Machine", "ThisMachine", "examine"]
