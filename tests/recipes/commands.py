"""Runs `attncourse train`: in this process, or as a command in another."""

import json
import sys

import pytest

from attncourse import cli

TWO_PROCESSES = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


def train(slug, *options):
    """The exit code."""
    with pytest.raises(SystemExit) as exit_:
        cli.main(["train", slug, *map(str, options)])
    return exit_.value.code or 0


def command(slug, *options, launcher=()):
    return [sys.executable, *launcher, "-m", "attncourse", "train", slug, *map(str, options)]


def losses(run):
    return json.loads((run / "history.json").read_text())["losses"]
