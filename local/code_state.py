"""Which code a report is about."""

from __future__ import annotations

import subprocess

from local.workshop import ROOT


def code_state(*paths: str) -> str:
    """The commit that is checked out, and whether files that git tracks (those in `paths` if given) differ from it."""
    changes = _git("status", "--porcelain", "-uno", "--", *paths)
    return f"Commit {_git('rev-parse', '--short', 'HEAD')}{' with uncommitted changes' if changes else ''}"


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
