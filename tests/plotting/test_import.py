"""What it costs to import, and what it leaves behind: little, and nothing."""

import subprocess
import sys

DEAREST = 0.3  # CPU seconds beyond matplotlib

COST = """
from time import process_time
import matplotlib
start = process_time()
import attncourse.plotting
print(process_time() - start)
"""
TRACES = """
import logging, os, sys, warnings
import numpy, matplotlib
logger = logging.getLogger("matplotlib")
before = logger.level, len(logger.handlers), dict(os.environ), warnings.filters[:], sys.path[:]
rc = dict(matplotlib.rcParams)
from attncourse import plotting as plot
plot.png(plot.bars({"SE": 1}).figure)
after = logger.level, len(logger.handlers), dict(os.environ), warnings.filters[:], sys.path[:]
assert before == after, "something global was changed"
assert rc == dict(matplotlib.rcParams), "the user's own figures would look otherwise"
"""


def run(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_costs_little_beyond_matplotlib():
    """The least of three: a machine that does other things, too, makes every run dearer."""
    assert min(float(run(COST)) for _ in range(3)) <= DEAREST


def test_figures_are_imported_when_the_first_is_drawn():
    code = "import sys, attncourse.plotting; sys.exit('matplotlib.figure' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_importing_and_drawing_change_nothing_global():
    run(TRACES)
