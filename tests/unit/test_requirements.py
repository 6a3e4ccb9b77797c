"""The pinned requirements are those that pyproject.toml asks for."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]
GROUPS = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]


def asked_for(group: str) -> Iterator[Requirement]:
    """The requirements of a group and of the groups that it includes."""
    for entry in GROUPS[group]:
        if isinstance(entry, str):
            yield Requirement(entry)
        else:
            yield from asked_for(entry["include-group"])


def pinned_text(group: str) -> str:
    return (ROOT / f"requirements/{group}.txt").read_text()


@pytest.mark.parametrize("group", GROUPS)
def test_every_dependency_is_pinned_to_a_version_that_its_group_allows(group: str) -> None:
    """Whoever changes a dependency without `make lock` hears of it before it is deployed."""
    pinned = dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", pinned_text(group), re.MULTILINE))

    wrong = [str(asked) for asked in asked_for(group) if not asked.specifier.contains(pinned.get(asked.name, "0"))]

    assert not wrong, "run `make lock`"


@pytest.mark.parametrize("group", GROUPS)
def test_pins_are_hashes_and_no_addresses(group: str) -> None:
    """A package is known by what is in it, wherever it is downloaded from."""
    text = pinned_text(group)

    without_hash = re.findall(r"^[a-z0-9._-]+==[^\\\n]*$", text, re.MULTILINE)

    assert not without_hash
    assert "://" not in text
    assert "--index" not in text


def test_one_clone_has_one_version_of_each_package() -> None:
    """What is deployed is what was tested: the smaller groups pin the versions that `dev` pins."""
    pins = re.compile(r"^([a-z0-9._-]+)==(\S+)", re.MULTILINE)
    tested = set(pins.findall(pinned_text("dev")))

    others = {
        group: set(pins.findall(pinned_text(group))) - tested for group in ("lambdas", "agent", "asr", "cdk", "local")
    }

    assert not any(others.values()), others
