"""Lets the tests import `lines`, as the scripts that they run in other processes do."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
