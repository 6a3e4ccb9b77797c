"""A stage whose operator has not said everything can be looked at, and cannot be deployed."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdk.stages import NEEDED
from tests.infrastructure.conftest import Deployed, deploy

pytestmark = pytest.mark.infrastructure


def test_no_stack_of_an_incomplete_stage_can_be_deployed(tmp_path: Path) -> None:
    """The stage is synthesised; the deployment of any stack of it stops with a sentence naming what is missing."""
    stage = deploy("dev", tmp_path, {"llm_model": "receptionist"})

    missing = ", ".join(value for value in NEEDED if value != "llm_model")
    for template in stage.templates.values():
        (asserted,) = template["Rules"]["StageIsComplete"]["Assertions"]
        assert template["Parameters"]["Missing"]["Default"] == missing
        assert asserted["Assert"] == {"Fn::Equals": [{"Ref": "Missing"}, ""]}
        assert asserted["AssertDescription"] == (
            f"Stage dev cannot be deployed without {missing}: write each into cdk.json under context.stages.dev, "
            "or add -c name=value to the command."
        )


def test_nothing_is_in_the_way_of_a_complete_stage(prod: Deployed) -> None:
    """With the operator's values nobody is asked for a parameter."""
    for template in prod.templates.values():
        assert "StageIsComplete" not in template.get("Rules", {})
        assert "Missing" not in template.get("Parameters", {})
