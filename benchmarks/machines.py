"""Other machines, simulated on this one by what PyTorch reads from the environment.

Each leads a training to another network: other instructions add up in another order, and so do two
threads. A machine that cannot do what a setting asks for would crash: such settings are left out.
"""

import platform
from datetime import date

import torch

HERE = "here"
MACHINES = {
    HERE: {},
    "sse41": {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41"},
    "avx2": {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"},
    # Threads that wait sleep: where others want the cores too, turning on the spot takes minutes.
    "threads": {"OMP_NUM_THREADS": "2", "OMP_WAIT_POLICY": "PASSIVE"},
}
HAVE_AVX2 = ("AVX2", "AVX512")


def simulated() -> list[str]:
    """Names of the machines that this one can pretend to be."""
    intel_like = platform.machine().lower() in ("x86_64", "amd64")
    possible = {
        "sse41": intel_like,
        "avx2": intel_like and torch.backends.cpu.get_cpu_capability() in HAVE_AVX2,
        "threads": True,
    }
    return [name for name, here in possible.items() if here]


def in_turn(number: int, day: date) -> str:
    """One of the simulated machines: another for each lesson, and another every day."""
    names = simulated()
    return names[(number + day.toordinal()) % len(names)]
