"""Turns a capture into CPU seconds of podfence inside a running process: the kernel's alone, and read_flows' in all.

    python -m benchmarks.inprocess FILE [TIMES]

One line of JSON. `kernel` is what reading the packets into the table of conversations took, framing and file
included; `read_flows` is that and the frame made of it. Starting Python and importing are in neither.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from collectors import sources

_NAME = "read_capture"  # what collectors.sources calls to read one capture


def main() -> None:
    """Run the command."""
    times = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    kernel: list[float] = []
    whole: list[float] = []
    spent = _watch_kernel()
    counted: dict[str, int] = {}
    for _ in range(times):
        spent.clear()
        begun = time.process_time()
        observation = sources.read_flows([sys.argv[1]])
        whole.append(time.process_time() - begun)
        kernel.append(sum(spent))
        counted = {"packets": sum(source.packets for source in observation.window.sources)}
        counted["rows"] = len(observation.flows)
    found = {"read_flows": whole, **({"kernel": kernel} if any(kernel) else {})}
    print(json.dumps({**counted, **found, "compiled": _compiled()}))


def _watch_kernel() -> list[float]:
    """Return a list that gets the CPU seconds of every capture that `read_flows` reads."""
    spent: list[float] = []
    inner: Any = getattr(sources, _NAME, None)
    if inner is None:
        return spent

    def outer(*arguments: Any, **named: Any) -> Any:
        begun = time.process_time()
        try:
            return inner(*arguments, **named)
        finally:
            spent.append(time.process_time() - begun)

    setattr(sources, _NAME, outer)
    return spent


def _compiled() -> bool:
    files = [getattr(module, "__file__", None) for name, module in sys.modules.items() if name.startswith("collectors")]
    return any(file and Path(file).suffix in {".so", ".pyd"} for file in files)


if __name__ == "__main__":
    main()
