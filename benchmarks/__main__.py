"""Measure the mechanisms against the forms that people use, and write the tables of docs/."""

import argparse
import platform
import re
import sys
from pathlib import Path

import torch

from benchmarks import report
from benchmarks.compare import Comparison
from benchmarks.harness import cases, slugs


def main() -> int:
    """Exit with 1 if a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("slugs", nargs="*", metavar="slug", help=f"any of: {', '.join(slugs())}")
    parser.add_argument("--rounds", type=int, default=15, help="interleaved rounds (default: 15)")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--compile", action="store_true", help="time ours compiled as well")
    options = parser.parse_args()
    if unknown := sorted(set(options.slugs) - set(slugs())):
        parser.error(f"no benchmark of {', '.join(unknown)}; there are {', '.join(slugs())}")
    torch.set_num_threads(1)
    device = torch.device(options.device)
    conditions = f"{machine(device)}, torch {torch.__version__}, {options.rounds} rounds."
    reached = True
    for slug in options.slugs or slugs():
        rows = []
        for case in cases(slug):
            comparison = Comparison(case, device, rounds=options.rounds, compiled=options.compile)
            for row in comparison.rows():
                print(row, flush=True)
                rows.append(row)
        print(report.write(slug, rows, conditions, gpu=device.type == "cuda"))
        reached &= all(row.fast and row.small for row in rows)
    return 0 if reached else 1


def machine(device: torch.device) -> str:
    """What computes, as far as a ratio may depend on it."""
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name()}, bfloat16"
    info = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.+)", info.read_text()) if info.exists() else None
    name = found[1] if found else platform.processor()
    return f"One thread of {name} ({torch.backends.cpu.get_cpu_capability()}), float32"


if __name__ == "__main__":
    sys.exit(main())
