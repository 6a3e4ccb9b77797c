"""What the function needs to know from its environment."""

from __future__ import annotations

from lambdas.shared.settings import Settings


class RivaSetupSettings(Settings):
    """The CodeBuild project that prepares a recogniser."""

    build_project: str
