"""Lock, pyproject and environment.yml name one environment, and it is the one we run in."""

import tomllib
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

OURSELVES = "attncourse"


@pytest.fixture(scope="module")
def lock(repository: Path) -> dict[str, Requirement]:
    """The lock's lines by package name, in the file's order."""
    lines = (repository / "requirements.lock").read_text().splitlines()
    requirements = [Requirement(line) for line in lines if not line.startswith("#")]
    names = [canonicalize_name(requirement.name) for requirement in requirements]
    assert len(names) == len(set(names)), "a package is locked twice"
    return dict(zip(names, requirements, strict=True))


@pytest.fixture(scope="module")
def project(repository: Path) -> dict:
    return tomllib.loads((repository / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def direct(project: dict) -> list[Requirement]:
    extras = project["optional-dependencies"].values()
    return [Requirement(line) for line in sum(extras, start=project["dependencies"])]


@pytest.fixture(scope="module")
def conda(repository: Path) -> dict:
    return yaml.safe_load((repository / "environment.yml").read_text())


def locked_version(requirement: Requirement) -> Version:
    (pin,) = requirement.specifier
    return Version(pin.version)


def test_the_lock_pins_every_package_exactly(lock):
    for requirement in lock.values():
        assert [pin.operator for pin in requirement.specifier] == ["=="], requirement
        assert requirement.url is None, requirement
        assert locked_version(requirement).local is None, requirement


def test_the_lock_is_sorted(lock):
    assert list(lock) == sorted(lock)


def test_every_direct_dependency_is_locked_inside_its_range(lock, direct):
    for requirement in direct:
        locked = lock[canonicalize_name(requirement.name)]
        assert locked.marker is None, f"{locked} must be installed on every platform"
        assert locked_version(locked) in requirement.specifier, f"{locked} is not {requirement}"


def test_no_direct_dependency_is_named_twice(direct):
    names = [canonicalize_name(requirement.name) for requirement in direct]
    assert len(names) == len(set(names))


def test_conda_gives_python_and_pip_and_leaves_every_package_to_the_lock(conda, project):
    *from_conda, pip_section = conda["dependencies"]
    assert conda["channels"] == ["conda-forge", "nodefaults"]
    assert pip_section == {"pip": ["-r requirements.lock", "-e ."]}
    python, pip = from_conda
    assert pip == "pip"
    name, _, version = python.partition("=")
    assert name == "python"
    assert Version(version) in SpecifierSet(project["requires-python"])


def test_the_environment_under_test_is_the_locked_one(lock):
    applying = {n: r for n, r in lock.items() if r.marker is None or r.marker.evaluate()}
    installed = {name: Version(metadata.version(name)) for name in applying}
    differing = {
        name: f"installed {installed[name]}, locked {locked_version(requirement)}"
        for name, requirement in applying.items()
        if installed[name].public != locked_version(requirement).public
    }
    assert not differing


def test_the_lock_leaves_nothing_to_the_resolver(lock):
    """Whatever our packages need on this platform is locked, except torch's own CUDA libraries."""
    needed = closure(OURSELVES, extras=("", "dev"))
    assert needed - {OURSELVES} <= set(lock)


def closure(name: str, extras: Iterable[str]) -> set[str]:
    """The names of every installed package that `name` needs, itself included."""
    seen = set()
    waiting = [(canonicalize_name(name), frozenset(extras))]
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        name, wanted = node
        for requirement in map(Requirement, metadata.requires(name) or ()):
            if applies(requirement, wanted) and not belongs_to_cuda(requirement):
                inner = frozenset(requirement.extras) | {""}
                waiting.append((canonicalize_name(requirement.name), inner))
    return {name for name, _ in seen}


def applies(requirement: Requirement, extras: Iterable[str]) -> bool:
    if requirement.marker is None:
        return True
    return any(requirement.marker.evaluate({"extra": extra}) for extra in extras)


def belongs_to_cuda(requirement: Requirement) -> bool:
    return requirement.name.startswith(("nvidia-", "cuda-", "triton"))
