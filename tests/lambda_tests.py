"""A pytest plugin: `--lambda-tests` runs the tests that concern the functions and can run with what is installed.

Lambda's Python is newer than the one the repository is developed with, and an environment of that Python holds only
the functions' own libraries and the tests'. A test module concerns the functions when what it imports leads to
`lambdas`, directly or through other modules of the repository, and to no other part that is deployed; it can run when
all it leads to is installed.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[1]
OPTION: Final = "--lambda-tests"
OTHER_PARTS: Final = frozenset({"agent", "cdk", "gpu_fleet"})


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(OPTION, action="store_true", help="run only tests of the functions that can run here")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out what is none of the functions', before it is imported."""
    if not config.getoption(OPTION) or not collection_path.name.startswith("test_"):
        return None
    return True if collection_path.suffix == ".py" and not is_lambda_test(collection_path) else None


def is_lambda_test(module: Path) -> bool:
    """Whether the module concerns the functions and can run with what is installed."""
    ours, others = _reached(module)
    parts = {path.relative_to(ROOT).parts[0] for path in ours - {module}}
    return "lambdas" in parts and parts.isdisjoint(OTHER_PARTS) and all(map(_is_installed, others))


def _reached(module: Path) -> tuple[set[Path], set[str]]:
    """Our modules that importing this one leads to, and the top-level names of everybody else's."""
    ours: set[Path] = set()
    others: set[str] = set()
    pending = [module]
    while pending:
        path = pending.pop()
        if path in ours:
            continue
        ours.add(path)
        for name in imported(path):
            file = _file_of(name)
            if file:
                pending.append(file)
            elif not (ROOT / name.partition(".")[0]).is_dir():
                others.add(name.partition(".")[0])
    return ours, others


@cache
def imported(path: Path) -> tuple[str, ...]:
    """The dotted names that a file imports at run time; of `from a import b` both `a` and `a.b`."""
    return tuple(_imports(ast.parse(path.read_text("utf-8"))))


def _imports(node: ast.AST) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                continue
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(source), names=names, level=0):
                yield source
                yield from (f"{source}.{alias.name}" for alias in names)
            case _:
                yield from _imports(child)


def _file_of(name: str) -> Path | None:
    path = ROOT.joinpath(*name.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.exists()), None)


@cache
def _is_installed(name: str) -> bool:
    return name in sys.stdlib_module_names or importlib.util.find_spec(name) is not None
