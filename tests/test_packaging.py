"""pyproject.toml, requirements.lock and environment.yml install the same thing."""

import re
import tomllib
from importlib.metadata import version

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from astrounet_core import __version__
from astrounet_core._paths import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
DECLARED = [Requirement(text) for text in [*PROJECT["dependencies"], *EXTRAS["book"], *EXTRAS["test"]]]
LOCKED = {
    canonicalize_name(requirement.name): requirement
    for requirement in map(
        Requirement, (line for line in (ROOT / "requirements.lock").read_text().splitlines() if line[:1] not in "#")
    )
}


@pytest.mark.parametrize("requirement", DECLARED, ids=lambda requirement: requirement.name)
def test_every_declared_package_is_locked_within_its_range(requirement):
    locked = LOCKED[canonicalize_name(requirement.name)]
    (pin,) = locked.specifier
    assert pin.operator == "==" and requirement.specifier.contains(pin.version)


def test_the_lock_pins_exact_public_versions():
    for requirement in LOCKED.values():
        (pin,) = requirement.specifier
        assert pin.operator == "==" and requirement.url is None
        assert re.fullmatch(r"[0-9][0-9a-z.]*", pin.version), requirement


def test_torch_is_pinned_alike_for_cpu_and_gpu():
    assert str(LOCKED["torch"]) == "torch==2.13.0"


def test_this_environment_is_the_locked_one():
    different = {name: version(name) for name, pin in LOCKED.items() if not pin.specifier.contains(version(name))}
    assert different == {}


def test_conda_installs_from_the_lock_and_the_project():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    (pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    assert pip == ["-r requirements.lock", "-e ."]
    (python,) = [entry for entry in environment["dependencies"] if str(entry).startswith("python")]
    assert python.removeprefix("python ") == PROJECT["requires-python"]


def test_the_version_is_said_once():
    assert PROJECT["version"] == __version__ == version("astrounet")
