"""Importing any part of the package leaves the process as it was, but for what libraries do."""

import json
import subprocess
import sys

STATE = """
import decimal, json, locale, logging, os, random, signal, socket, sys, warnings

def state():
    '''What is global to a process, in words that can be compared.'''
    torch, numpy = sys.modules["torch"], sys.modules["numpy"]
    matplotlib = sys.modules["matplotlib"]
    loggers = {name: logging.getLogger(name) for name in ["", *logging.root.manager.loggerDict]}
    configured = {name: (each.level, len(each.handlers), each.disabled, each.propagate)
                  for name, each in loggers.items()}
    umask = os.umask(0)
    os.umask(umask)
    return {
        "environment": dict(os.environ),
        "loggers": {n: c for n, c in configured.items() if c != (0, 0, False, True)},
        "logging.disable": logging.root.manager.disable,
        "warnings": [str(each) for each in warnings.filters],
        "path": sys.path,
        "folder": os.getcwd(),
        "umask": umask,
        "signals": {s.name: str(signal.getsignal(s)) for s in signal.Signals},
        "recursion": sys.getrecursionlimit(),
        "hooks": [str(each) for each in (sys.excepthook, sys.displayhook, sys.unraisablehook,
                                         sys.gettrace(), sys.getprofile(), sys.stdout, sys.stderr)],
        "path hooks": len(sys.meta_path) + len(sys.path_hooks),
        "locale": locale.setlocale(locale.LC_ALL),
        "decimal": str(decimal.getcontext()),
        "socket timeout": socket.getdefaulttimeout(),
        "random": str(hash(random.getstate())),
        "numpy": [str(each) for each in (
            numpy.random.get_state(), numpy.geterr(), numpy.get_printoptions())],
        "torch": [str(each) for each in (
            torch.get_num_threads(), torch.get_default_dtype(), torch.get_default_device(),
            torch.is_grad_enabled(), torch.initial_seed(),
            torch.default_generator.get_state().sum(),
            torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic,
            torch.get_float32_matmul_precision(), torch.are_deterministic_algorithms_enabled(),
            torch._tensor_str.PRINT_OPTS)],
        "figures": {name: str(value) for name, value in matplotlib.rcParams.items()},
    }

def ours():
    import importlib, pkgutil
    import attncourse
    for each in pkgutil.walk_packages(attncourse.__path__, "attncourse."):
        if not each.name.endswith("__main__") and ".skeleton" not in each.name:
            importlib.import_module(each.name)
"""
LIBRARIES = """
ours()
print(json.dumps([n for n in sys.modules if n.split(".")[0] != "attncourse" and n != "__main__"]))
"""
CHANGES = """
import importlib
for name in json.loads(sys.stdin.read()):
    try:
        importlib.import_module(name)
    except Exception:
        pass  # one that is a part of another, or wants to be imported by it
before = state()
ours()
after = state()
print(json.dumps([name for name in before if before[name] != after[name]]))
"""


def run(program: str, words: str = "") -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", STATE + program], input=words, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_importing_changes_nothing_global() -> None:
    libraries = run(LIBRARIES)
    assert "torch" in libraries
    assert run(CHANGES, json.dumps(libraries)) == []


def test_what_would_be_changed_is_seen() -> None:
    """Without this, the test above could pass because it looks at nothing."""
    planted = 'ours = lambda: (os.environ.update(X="1"), logging.getLogger("torch").setLevel(1))\n'
    modules = '["torch", "numpy", "matplotlib"]'
    assert run(planted + CHANGES, modules) == ["environment", "loggers"]
