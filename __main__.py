"""The Pulumi program: the stack's environment, `stacks/STACK.yaml`, on Google Cloud."""

import pulumi

from components import TaskStack
from queuewright.blueprint import blueprint
from queuewright.spec import load

tasks = TaskStack("tasks", blueprint(load(pulumi.get_stack())))
for name, values in tasks.outputs.items():
    pulumi.export(name, values)
