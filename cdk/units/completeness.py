"""A stage that lacks a value only its operator knows can be looked at, and cannot be deployed."""

from __future__ import annotations

from aws_cdk import CfnParameter, CfnRule, CfnRuleAssertion, Fn, Stack

from cdk.stages import Stage


def refuse_incomplete(stack: Stack, stage: Stage) -> None:
    """Stop a deployment of the stack, before it makes anything, with a sentence that names what is missing.

    Synthesis works without the values and cannot know whether a deployment follows, so CloudFormation judges by a rule
    (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/rules-section-structure.html). A rule may refer to
    parameters only: the missing names are the default of one.
    """
    if not stage.missing:
        return
    parameter = CfnParameter(
        stack,
        "Missing",
        default=", ".join(stage.missing),
        description="What the operator has not said yet; never set this, say the values",
    )
    sentence = (
        f"Stage {stage.name} cannot be deployed without {', '.join(stage.missing)}: write each into cdk.json under "
        f"context.stages.{stage.name}, or add -c name=value to the command."
    )
    CfnRule(
        stack,
        "StageIsComplete",
        assertions=[
            CfnRuleAssertion(assert_=Fn.condition_equals(parameter.value_as_string, ""), assert_description=sentence)
        ],
    )
