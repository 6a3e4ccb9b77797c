"""The CDK's command line, as somebody meets it who has just cloned the repository."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App

from cdk.app import main
from tests.infrastructure.conftest import FILLED_IN, ROOT

pytestmark = pytest.mark.infrastructure

PINNED = json.loads((ROOT / "package.json").read_text())["devDependencies"]["aws-cdk"]


def test_a_fresh_clone_runs_the_pinned_cdk(tmp_path: Path) -> None:
    """`npx cdk` in a clone where nothing is installed is the version of package.json, not the newest there is."""
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "cdk").mkdir()
    shutil.copy(ROOT / "cdk/cli.mjs", tmp_path / "cdk")

    npx = shutil.which("npx") or "npx"
    said = subprocess.run(
        [npx, "cdk", "--version"], cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=110
    )

    assert said.returncode == 0, said.stderr
    assert PINNED in said.stdout


def test_the_command_ends_with_the_sentence(tmp_path: Path) -> None:
    """Whoever calls the CDK wrongly sees the sentence and no traceback, and the command has failed."""
    environ = {**os.environ, "CDK_OUTDIR": str(tmp_path), "CDK_CONTEXT_JSON": "{}"}
    said = subprocess.run(
        [sys.executable, "-m", "cdk.app"], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=110
    )

    assert said.returncode == 1
    assert said.stderr == "say which stage: -c stage=dev or -c stage=prod\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("context", "sentence"),
    [
        ({"stage": "test"}, "say which stage: -c stage=dev or -c stage=prod, not test"),
        (
            {"stage": "dev", "livekit_url": "http://example"},
            "cdk.json, context.stages.dev: livekit_url: String should match pattern '^wss://[^\\s/]+$'",
        ),
        ({"stage": "prod", **FILLED_IN, "region": "us-east-1"}, "us-east-1"),
        ({"stage": "prod", **FILLED_IN, "llm_region": "eastus2"}, "llm_region"),
    ],
)
def test_a_stage_that_cannot_be_made_is_refused_in_a_sentence(
    context: Mapping[str, Any], sentence: str, tmp_path: Path
) -> None:
    """Whoever names no stage, mistypes a value or leaves the EU reads what to change, and no template is written."""
    with pytest.raises(SystemExit, match=re.escape(sentence)):
        main(App(context=context, outdir=str(tmp_path)))

    assert not list(tmp_path.glob("*.template.json"))
