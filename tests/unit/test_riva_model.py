"""The recogniser's model: joined from its parts, checked, and found again."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from local.recogniser import ModelError, Recogniser, join_parts, prepare_model

pytestmark = pytest.mark.unit


@pytest.fixture
def parts(tmp_path: Path) -> list[Path]:
    """Two parts of a file."""
    found = [tmp_path / "part1", tmp_path / "part2"]
    for part, content in zip(found, (b"first", b"second"), strict=True):
        part.write_bytes(content)
    return found


def test_parts_become_one_checked_file(parts: list[Path], tmp_path: Path) -> None:
    """The file has the parts in order, and progress ends at 1."""
    shares: list[float] = []

    join_parts(
        parts,
        tmp_path / "model.bin",
        sha256=hashlib.sha256(b"firstsecond").hexdigest(),
        progress=shares.append,
    )

    assert (tmp_path / "model.bin").read_bytes() == b"firstsecond"
    assert shares == [pytest.approx(5 / 11), 1.0]


def test_a_damaged_part_leaves_no_model(parts: list[Path], tmp_path: Path) -> None:
    """A wrong checksum is an error that names the parts, and nothing is left that looks like a model."""
    with pytest.raises(ModelError, match="part1"):
        join_parts(parts, tmp_path / "model.bin", sha256="0" * 64, progress=lambda _: None)

    assert {file.name for file in tmp_path.iterdir()} == {"part1", "part2"}


def test_a_model_that_is_there_is_not_made_again(tmp_path: Path) -> None:
    """A second set-up is done at once."""
    (tmp_path / "model.bin").write_bytes(b"as it was")
    shares: list[float] = []

    folder = prepare_model(tmp_path, shares.append)

    assert folder == tmp_path
    assert (tmp_path / "model.bin").read_bytes() == b"as it was"
    assert shares == [1.0]


def test_a_recogniser_without_a_model_says_how_to_get_one(tmp_path: Path) -> None:
    """A missing model stops the start with the name of what makes it."""
    with pytest.raises(ModelError, match="prepare_model"):
        Recogniser(tmp_path)
