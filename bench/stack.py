"""The cost of a stack with many queues: `.venv/bin/python bench/stack.py [--queues 1000]`.

Compares the shipped program, with a YAML file of many queues and a tenth as many functions, with
the same resources written by hand in `stack_plain.py`. Each program runs in a process of its own,
in turns and without Pulumi's engine. The result is the CPU time of the program alone.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[1]
sys.path.append(str(ROOT))

from stack_plain import LOCATION, PROJECT, program  # noqa: E402

from components.collector import calm_collector  # noqa: E402
from queuewright.graph import Graph, capture  # noqa: E402

OURS, PLAIN = "queuewright", "by hand"
CALMED: Final = "by hand, collector calmed"
"""With the garbage collector set as `TaskStack` sets it."""

KINDS: Final = (OURS, PLAIN, CALMED)
ROUNDS: Final = 3
HANDLERS_PER_QUEUE: Final = 0.1


class Cost(NamedTuple):
    """CPU seconds, and the number of resources and components."""

    seconds: float
    resources: int
    components: int


def write_project(queues: int, handlers: int, root: Path) -> None:
    """Write the shipped program, with a stack of this many queues and functions."""
    lines = [f"project: {PROJECT}", f"location: {LOCATION}", "handlers:"]
    for number in range(handlers):
        folder = root / "handlers" / f"handler{number}"
        folder.mkdir(parents=True)
        (folder / "main.py").write_text(f"def handle(request):\n    return {number!r}\n")
        lines.append(
            f"  handler{number}: {{function: {{source: handlers/handler{number}, "
            "entry_point: handle, runtime: python312}}"
        )
    lines.append("queues:")
    lines += [
        f"  queue{number}: {{handler: handler{number % handlers}, "
        "rate_limits: {max_dispatches_per_second: 5}, "
        f"enqueuers: [handler{(number + 1) % handlers}]}}"
        for number in range(queues)
    ]
    (root / "stacks").mkdir()
    (root / "stacks" / "dev.yaml").write_text("\n".join([*lines, ""]))
    (root / "__main__.py").write_text((ROOT / "__main__.py").read_text())


def evaluate(kind: str, queues: int, handlers: int, root: Path) -> tuple[Graph, float]:
    """The resources of one of the programs, and its CPU seconds."""
    begin = time.process_time()
    graph = capture(root if kind == OURS else program(queues, handlers, root))
    return graph, time.process_time() - begin


def differences(one: Graph, other: Graph) -> list[str]:
    """The resources that differ in two programs, except for the names of archives."""

    def described(graph: Graph) -> dict[str, str]:
        found = {}
        for each in graph:
            if each.custom:
                inputs = dict(each.inputs)
                if each.type.endswith(":BucketObject"):
                    del inputs["name"], inputs["source"]
                elif each.type.endswith(":Function"):
                    inputs = json.loads(json.dumps(inputs, default=str))
                    inputs["buildConfig"]["source"]["storageSource"].pop("object")
                waits = sorted(graph.resources[urn].name for urn in each.depends_on)
                found[str(each)] = json.dumps([inputs, waits, each.protect], sort_keys=True)
        return found

    ours, plain = described(one), described(other)
    return sorted(name for name in {*ours, *plain} if ours.get(name) != plain.get(name))


def seconds(kind: str, queues: int, handlers: int) -> Cost:
    """The cost of one evaluation, in a process of its own."""
    words = [sys.executable, __file__, "--child", kind, "--queues", str(queues)]
    done = subprocess.run(
        [*words, "--handlers", str(handlers)], check=True, capture_output=True, text=True
    )
    return Cost(*json.loads(done.stdout))


def child(kind: str, queues: int, handlers: int) -> None:
    """Print the cost of one evaluation."""
    if kind == CALMED:
        calm_collector()
    with tempfile.TemporaryDirectory() as folder:
        write_project(queues, handlers, Path(folder))
        graph, taken = evaluate(kind, queues, handlers, Path(folder))
    made = sum(each.custom for each in graph)
    print(json.dumps([taken, made, len(graph) - made]))


def compare(queues: int, handlers: int) -> float:
    """Print a table of all kinds, run in turns; return our median of CPU seconds."""
    costs: dict[str, list[Cost]] = {kind: [] for kind in KINDS}
    for _ in range(ROUNDS):
        for kind in KINDS:
            costs[kind].append(seconds(kind, queues, handlers))
    print(f"{queues:,} queues, {handlers:,} functions")
    for kind in KINDS:
        ratios = [
            ours.seconds / each.seconds for ours, each in zip(costs[OURS], costs[kind], strict=True)
        ]
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        against = f"   ratio {statistics.median(ratios):.2f} ({spread})" if kind != OURS else ""
        found = costs[kind][0]
        print(
            f"  {kind:<28} {median(costs[kind]):6.1f} s CPU   "
            f"{found.resources:,} resources, {found.components:,} components{against}"
        )
    print(flush=True)
    return median(costs[OURS])


def median(costs: Sequence[Cost]) -> float:
    return statistics.median(each.seconds for each in costs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--queues", type=int, default=1000)
    parser.add_argument("--handlers", type=int, help="Default: a tenth of the queues.")
    parser.add_argument("--child", choices=KINDS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.child, arguments.queues, arguments.handlers)
        return
    with tempfile.TemporaryDirectory() as folder:
        write_project(20, 3, Path(folder))
        ours, plain = (evaluate(kind, 20, 3, Path(folder))[0] for kind in (OURS, PLAIN))
    different = differences(ours, plain)
    print(f"the two programs differ in: {', '.join(different) or 'nothing'}\n")
    sizes = [max(arguments.queues // 10, 10), arguments.queues]
    few, many = (
        compare(queues, arguments.handlers or max(round(queues * HANDLERS_PER_QUEUE), 1)) / queues
        for queues in sizes
    )
    print(f"a queue among {sizes[1]:,} costs {many / few:.2f} times a queue among {sizes[0]:,}")
    sys.exit(bool(different))


if __name__ == "__main__":
    main()
