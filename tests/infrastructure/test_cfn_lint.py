"""cfn-lint, which judges by CloudFormation's own schemas, has nothing to say that is not explained."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest
from cfnlint.api import lint_by_config  # type: ignore[import-untyped]
from cfnlint.config import ManualArgs  # type: ignore[import-untyped]

from tests.infrastructure.conftest import Deployed

pytestmark = pytest.mark.infrastructure

EXPLAINED: Final = (
    (
        "W3005",
        r"'\w+' dependency already enforced by a '(GetAtt|Ref)' at '[\w/]+'",
        "The CDK has a resource wait for a construct as a whole, so for parts too that it refers to anyway.",
    ),
)
"""(rule, message, why it is left), where the message is a regular expression."""


@pytest.fixture
def messages(deployed: Deployed) -> list[str]:
    """What cfn-lint says of all templates of a stage, as `<rule> <template>: <message>`."""
    templates = [str(template) for template in deployed.assembly.glob("*.template.json")]
    found = lint_by_config(ManualArgs(templates=templates, regions=[deployed.stage.region]))
    return [f"{match.rule.id} {Path(match.filename).name}: {match.message}" for match in found]


def test_no_message_is_unexplained(messages: list[str]) -> None:
    """Every message is one of those that are left for a reason, and every reason is still needed."""
    patterns = {f"{rule} [^:]+: {message}" for rule, message, _ in EXPLAINED}

    assert [message for message in messages if not any(re.fullmatch(pattern, message) for pattern in patterns)] == []
    assert all(any(re.fullmatch(pattern, message) for message in messages) for pattern in patterns)
