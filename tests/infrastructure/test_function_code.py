"""What is shipped of the functions is whole, fits Lambda, and is made again only when it changes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from aws_cdk import App, Stack, assertions

from cdk import packaging
from cdk.packaging import PackagingError
from cdk.units.function_code import FunctionCode

pytestmark = pytest.mark.infrastructure

UNPACKED_AT_MOST: Final = 250 * 1024 * 1024
"""Bytes of a function and its layers: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
AARCH64: Final = (183).to_bytes(2, "little")
"""The machine in an ELF file's header, at byte 18 (https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html)."""
UNCHECKED: Final = 0b01
"""The flags of bytecode that has a hash which is not checked (https://peps.python.org/pep-0552/)."""


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layer as it is shipped, but for its bytecode."""
    target = tmp_path_factory.mktemp("layer")
    packaging.build_layer(target)
    return target


@pytest.fixture
def code(tmp_path: Path) -> Path:
    target = tmp_path / "code"
    packaging.build_code(target)
    return target


def program(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_the_layer_is_for_lambdas_processor_and_python(layer: Path) -> None:
    """Every compiled library is for arm64 and Python 3.13, or for Python's stable interface."""
    libraries = list(layer.rglob("*.so"))

    machines = {library.read_bytes()[18:20] for library in libraries}

    assert machines == {AARCH64}
    assert all(".cpython-313-" in library.name or ".abi3." in library.name for library in libraries)


def test_the_layer_holds_what_is_pinned_and_nothing_else(layer: Path) -> None:
    """The layer's distributions are the lines of requirements/lambdas.txt, in their versions."""
    pinned = {
        line.split()[0].replace("==", "-").replace("-", "_")
        for line in packaging.REQUIREMENTS.read_text().splitlines()
        if "==" in line
    }

    installed = {path.name.removesuffix(".dist-info").replace("-", "_") for path in layer.glob("python/*.dist-info")}

    assert installed == pinned


def test_no_detector_of_languages_is_shipped(layer: Path, code: Path) -> None:
    """What tells languages apart is compiled for the images of agent and proxy, and no function has it."""
    shipped = {path.name.partition("-")[0] for folder in (layer / "python", code) for path in folder.iterdir()}
    compiled = [path for path in code.rglob("*") if path.suffix in (".so", ".pyd", ".whl")]

    assert shipped.isdisjoint({"cld3", "pycld3", "py3langid"})
    assert not compiled


def test_what_is_shipped_fits(layer: Path, code: Path) -> None:
    """Code, libraries and as much bytecode again stay below what Lambda unpacks."""
    shipped = sum(path.stat().st_size for folder in (layer, code) for path in folder.rglob("*") if path.is_file())
    sources = sum(path.stat().st_size for folder in (layer, code) for path in folder.rglob("*.py"))

    assert shipped + sources < UNPACKED_AT_MOST


def test_the_code_is_every_function_and_every_hotel(code: Path) -> None:
    """The code asset holds the folders of the functions and the hotels as they are, and nothing of tests or caches."""
    wanted = {
        path.relative_to(packaging.ROOT)
        for folder in ("lambdas", "hotels")
        for path in (packaging.ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    packed = {path.relative_to(code) for path in code.rglob("*") if path.is_file()}

    assert packed == wanted
    assert all((code / path).read_bytes() == (packaging.ROOT / path).read_bytes() for path in wanted)


def test_bytecode_is_never_checked_against_its_source(code: Path) -> None:
    """Every module has bytecode of Lambda's Python that holds whatever date its file gets, and says where it runs."""
    python = packaging.find_python(packaging.LAMBDA_PYTHON)
    if python is None:
        pytest.skip(f"no Python {packaging.LAMBDA_PYTHON} on this machine")
    magic = subprocess.check_output(
        [python, "-c", "import importlib.util as u; print(u.MAGIC_NUMBER.hex())"], text=True
    )

    packaging.compile_bytecode(code, python=python, deployed="/var/task")

    modules, compiled = list(code.rglob("*.py")), list(code.rglob("*.pyc"))
    assert len(compiled) == len(modules)
    assert {path.read_bytes()[:4].hex() for path in compiled} == {magic.strip()}
    assert {int.from_bytes(path.read_bytes()[4:8], "little") for path in compiled} == {UNCHECKED}
    handler = code / "lambdas/pms/__pycache__/handler.cpython-313.pyc"
    assert b"/var/task/lambdas/pms/handler.py" in handler.read_bytes()
    assert str(code).encode() not in handler.read_bytes()


def test_code_that_does_not_compile_is_not_packed(tmp_path: Path) -> None:
    """A module that Lambda's Python cannot read stops the packing instead of the function."""
    python = packaging.find_python(packaging.LAMBDA_PYTHON)
    if python is None:
        pytest.skip(f"no Python {packaging.LAMBDA_PYTHON} on this machine")
    (tmp_path / "handler.py").write_text("def lambda_handler(:")

    with pytest.raises(PackagingError, match="cannot compile"):
        packaging.compile_bytecode(tmp_path, python=python, deployed="/var/task")


def test_a_shim_is_no_interpreter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A python3.13 on PATH that does not start is passed over for one that pyenv really has."""
    program(tmp_path / "python3.13", "echo 'pyenv: python3.13: command not found' >&2; exit 127")
    real = tmp_path / "pyenv/versions/3.13.0/bin/python3.13"
    real.parent.mkdir(parents=True)
    program(real, "exit 0")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))

    assert packaging.find_python("3.13") == real


def test_the_clones_own_uv_is_preferred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """uv is the one that `make ready` installed; another on PATH comes second."""
    monkeypatch.setattr(packaging, "ROOT", tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    on_path = program(tmp_path / "uv", "exit 0")
    (tmp_path / ".local/uv/bin").mkdir(parents=True)

    second = packaging.find_uv()
    first = program(tmp_path / ".local/uv/bin/uv", "exit 0")

    assert (second, packaging.find_uv()) == (on_path, first)


def test_without_uv_one_sentence_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without uv hears what is missing and which command brings it."""
    monkeypatch.setattr(packaging, "ROOT", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(PackagingError, match="make ready"):
        packaging.find_uv()


def test_what_uv_says_is_passed_on(tmp_path: Path) -> None:
    """When a wheel cannot be had, the error names the platform and says what uv said, in one line."""
    uv = program(tmp_path / "uv", "echo 'no wheel for pycld3' >&2; echo 'hint: build it' >&2; exit 1")

    with pytest.raises(PackagingError) as raised:
        packaging.build_layer(tmp_path / "layer", platform="aarch64-manylinux_2_28", uv=uv)

    assert str(raised.value) == (
        "uv cannot install requirements/lambdas.txt for aarch64-manylinux_2_28: no wheel for pycld3 hint: build it"
    )


def test_fingerprints_follow_the_inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is packed has another fingerprint when a file or the presence of bytecode changes, not when a date does."""
    monkeypatch.setattr(packaging, "ROOT", tmp_path)
    monkeypatch.setattr(packaging, "__file__", str(tmp_path / "packaging.py"))
    for name in ("packaging.py", "lambdas/pms/handler.py", "hotels/aurora/hotel.toml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("first")
    before = packaging.code_fingerprint(bytecode=True)

    (tmp_path / "hotels/aurora/hotel.toml").touch()
    (tmp_path / "lambdas/pms/__pycache__").mkdir()
    (tmp_path / "lambdas/pms/__pycache__/handler.cpython-311.pyc").write_text("…")
    touched = packaging.code_fingerprint(bytecode=True)
    without = packaging.code_fingerprint(bytecode=False)
    (tmp_path / "hotels/aurora/hotel.toml").write_text("other")
    changed = packaging.code_fingerprint(bytecode=True)

    assert touched == before
    assert len({before, without, changed}) == 3


@pytest.fixture
def synthesise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], tuple[Stack, list[str]]]:
    """Synthesises a stack with code in it, always into the same folder; gives the stack and what was packed."""
    packed: list[str] = []

    def build(what: str) -> Callable[..., None]:
        def pack(target: Path, **_: Any) -> None:
            packed.append(what)
            (target / "folder").mkdir(parents=True, exist_ok=True)
            (target / "folder/packed").touch()

        return pack

    monkeypatch.setattr(packaging, "build_code", build("code"))
    monkeypatch.setattr(packaging, "build_layer", build("layer"))
    monkeypatch.setattr(packaging, "compile_bytecode", build("bytecode"))

    def synthesised() -> tuple[Stack, list[str]]:
        packed.clear()
        app = App(outdir=str(tmp_path / "cdk.out"))
        stack = Stack(app, "stack")
        FunctionCode(stack, "Code")
        app.synth()
        return stack, list(packed)

    return synthesised


def test_unchanged_inputs_are_not_packed_again(synthesise: Callable[[], tuple[Stack, list[str]]]) -> None:
    """A second synthesis of the same code takes what the first one packed."""
    _, first = synthesise()
    _, second = synthesise()

    assert {"code", "layer"} <= set(first)
    assert second == []


def test_lambda_may_read_what_a_cautious_deployer_packs(
    synthesise: Callable[[], tuple[Stack, list[str]]], tmp_path: Path
) -> None:
    """Every file of both assets is readable by everybody though its packer's umask gives others nothing."""
    before = os.umask(0o077)
    try:
        synthesise()
    finally:
        os.umask(before)

    packed = [path for path in tmp_path.rglob("*") if any(part.startswith("asset.") for part in path.parent.parts)]
    assert {path.name for path in packed} == {"folder", "packed"}
    assert {path.stat().st_mode & 0o777 for path in packed if path.is_dir()} == {0o755}
    assert {path.stat().st_mode & 0o777 for path in packed if path.is_file()} == {0o644}


def test_without_lambdas_python_the_synthesis_says_what_is_lost(
    synthesise: Callable[[], tuple[Stack, list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no Python 3.13 is found the functions are packed without bytecode, with a warning and not an error."""
    monkeypatch.setattr(packaging, "find_python", lambda _: None)

    stack, packed = synthesise()

    assert packed == ["code", "layer"]
    assertions.Annotations.from_stack(stack).has_warning(
        "/stack/Code", assertions.Match.string_like_regexp("no Python 3.13 here.*without bytecode")
    )


def test_a_synthesis_that_cannot_pack_ends_in_the_packers_words(
    synthesise: Callable[[], tuple[Stack, list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stopped the packing is raised as it was said, not as a callback's trace."""

    def fail(target: Path, **_: Any) -> None:
        raise PackagingError("no wheel today")

    monkeypatch.setattr(packaging, "build_layer", fail)

    with pytest.raises(PackagingError, match=r"^no wheel today$"):
        synthesise()
