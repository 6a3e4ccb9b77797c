"""Building images without a container engine: what is said where that is not possible, and how a container starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from local import builder, images
from local.processes import ROOT

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("missing", [("buildah",), ("debootstrap",), ("buildah", "debootstrap")])
def test_a_machine_without_the_tools_is_told_which(monkeypatch: pytest.MonkeyPatch, missing: tuple[str, ...]) -> None:
    """One sentence names what is missing and how Debian gets it; nothing is installed."""
    monkeypatch.setattr("local.builder.shutil.which", lambda tool: None if tool in missing else f"/usr/bin/{tool}")

    with pytest.raises(builder.BuildError, match=f"without {' and '.join(missing)}; on Debian, apt-get install"):
        builder.require_tools()


def test_a_user_without_rights_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mounts need root, and the sentence says how to be it."""
    monkeypatch.setattr("local.builder.shutil.which", lambda tool: f"/usr/bin/{tool}")
    monkeypatch.setattr("local.builder.os.geteuid", lambda: 1000)

    with pytest.raises(builder.BuildError, match="need root; use sudo"):
        builder.require_tools()


def test_a_container_starts_as_its_image_says() -> None:
    """In a mount namespace of its own, with the image's root, user, folder and entry point, in this order."""
    container = builder.Container(Path("/the/root"), "10001:10001", "/srv/bellhop", ("python", "-m", "agent"), {})

    assert container.command[1:4] == ["--mount", "--propagation", "private"]
    assert container.command[-6:] == ["/the/root", "10001:10001", "/srv/bellhop", "python", "-m", "agent"]


@pytest.mark.parametrize("name", images.WORKS)
def test_every_image_has_its_dockerfile_and_a_port(name: str) -> None:
    """What is proven is what is deployed: one Dockerfile each, and the port its health is asked at."""
    work = images.WORKS[name]
    dockerfile = (ROOT / work.image.dockerfile).read_text()

    assert f"={images.PORTS[name]}\n" in dockerfile
    assert work.health in dockerfile
