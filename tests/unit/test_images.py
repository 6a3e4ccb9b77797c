"""The Dockerfiles: each copies what its program imports, and no more than it says."""

from __future__ import annotations

import re
from pathlib import Path

import grimp
import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = {
    "agent/Dockerfile": "agent",
    "gpu_fleet/riva/Dockerfile": "gpu_fleet.riva.probe",
    "gpu_fleet/asr_proxy/Dockerfile": "gpu_fleet.asr_proxy",
}
TELL_LANGUAGES = ("agent/Dockerfile", "gpu_fleet/asr_proxy/Dockerfile")
"""Those whose programs open a language detector."""
BASE = "${BASE_IMAGE}"


def instructions(dockerfile: str) -> list[tuple[str, str]]:
    """The Dockerfile's instructions with what they say, continued lines joined."""
    text = re.sub(r"\\\n\s*", "", (ROOT / dockerfile).read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1].strip()) for line in lines]


def copied(dockerfile: str) -> set[Path]:
    """Every file that the image gets from the repository's folder, and that is where it is there."""
    files: set[Path] = set()
    for word, said in instructions(dockerfile):
        if word == "COPY" and "--from" not in said and not said.startswith("requirements/"):
            *sources, target = said.split()
            for source in sources:
                path = ROOT / source
                assert (path if path.is_dir() else path.parent) == ROOT / target, f"{source} is elsewhere in the image"
                files |= set(path.rglob("*")) if path.is_dir() else {path}
    return files


@pytest.mark.parametrize(("dockerfile", "program"), PROGRAMS.items())
def test_an_image_has_every_module_its_program_imports(dockerfile: str, program: str) -> None:
    """An import that is added to a program is added to its image too, packages' own modules included."""
    graph = grimp.build_graph("agent", "gpu_fleet", "lambdas", cache_dir=None)
    modules = {name for name in graph.modules if name == program or name.startswith(f"{program}.")}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        parents = {name.rsplit(".", up)[0] for up in range(1, name.count(".") + 1)}
        new = (graph.find_modules_directly_imported_by(name) | parents) - modules
        modules |= new
        waiting += new
    folders = {name: ROOT / name.replace(".", "/") for name in modules}
    needed = {at / "__init__.py" if at.is_dir() else at.with_suffix(".py") for at in folders.values()}

    assert needed - copied(dockerfile) == set()


@pytest.mark.parametrize("dockerfile", PROGRAMS)
def test_an_image_runs_as_nobody_and_says_how_it_is(dockerfile: str) -> None:
    """Stages on one base that can be pinned, hashes for every package, a fixed user, an answer to a health check."""
    said = instructions(dockerfile)
    words = dict(reversed(said))

    compiled = [f"{BASE} AS language"] if dockerfile in TELL_LANGUAGES else []
    assert [what for word, what in said if word == "FROM"] == [*compiled, f"{BASE} AS packages", BASE]
    assert words["ARG"].startswith("BASE_IMAGE=docker.io/library/python:3.13-slim")
    assert any("--require-hashes" in what for word, what in said if word == "RUN")
    assert words["USER"] == "10001:10001"
    assert "HEALTHCHECK" in words
    assert words["ENTRYPOINT"].startswith('["python", "-m", ')


def made(dockerfile: str) -> list[tuple[str, str]]:
    """How an image is made before the repository's own files come into it."""
    said = instructions(dockerfile)
    before = said[: [word for word, _ in said].index("WORKDIR")]
    return [(word, re.sub(r"requirements/(agent|asr)", "requirements/…", what)) for word, what in before]


def without_detector(steps: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The steps but for the stage that compiles the language detector and what brings it among the packages."""
    if ("FROM", f"{BASE} AS language") in steps:
        packages = steps.index(("FROM", f"{BASE} AS packages"))
        steps = steps[: steps.index(("FROM", f"{BASE} AS language"))] + steps[packages:]
    steps = [(word, what) for word, what in steps if "--from=language" not in what]
    return [(word, "&&".join(part for part in what.split("&&") if "/language/" not in part)) for word, what in steps]


@pytest.mark.parametrize("dockerfile", PROGRAMS)
def test_images_are_made_alike(dockerfile: str) -> None:
    """Each says it for itself, with or without the detector: a Dockerfile is part of what its image is made of.

    With one for all of them a new agent would start a new recogniser.
    """
    told = made(dockerfile) if dockerfile in TELL_LANGUAGES else without_detector(made("agent/Dockerfile"))

    assert told == made(dockerfile)
    assert without_detector(made(dockerfile)) == without_detector(made("agent/Dockerfile"))


@pytest.mark.parametrize("dockerfile", TELL_LANGUAGES)
def test_the_detector_is_compiled_for_the_place_it_gets(dockerfile: str) -> None:
    """The library it is linked with is copied to where it looks for it: the last stage installs nothing of Debian."""
    texts = [what for word, what in instructions(dockerfile) if word == "RUN"]

    assert sum("-rpath,/opt/bellhop/lib " in text for text in texts) == 1
    assert sum("cp /tmp/language/libprotobuf.so.* /opt/bellhop/lib/" in text for text in texts) == 1
    assert sum("apt-get" in text for text in texts) == 1


def test_a_builder_gets_only_what_images_are_built_of() -> None:
    """Everything that a Dockerfile copies is let through, and everything else is kept from the builder."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    let_through = [line[1:] for line in lines if line.startswith("!")]
    sources = {
        source
        for dockerfile in PROGRAMS
        for word, said in instructions(dockerfile)
        if word == "COPY" and "--from" not in said
        for source in said.split()[:-1]
    }

    assert lines[1] == "*"
    assert all(any(source == path or source.startswith(f"{path}/") for path in let_through) for source in sources)
    assert {path.split("/")[0] for path in let_through} == {source.split("/")[0] for source in sources}
