"""Notebooks are tests here: `pytest solutions/01-bahdanau` runs a lesson and compares it."""

pytest_plugins = ["pytester", "tests.notebooks.plugin"]
