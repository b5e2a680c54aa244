"""The address of a handler on this machine: who may call, and how its requests get through."""
