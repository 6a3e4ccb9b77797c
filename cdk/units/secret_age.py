"""How old the stage's secrets are, looked at once a day."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import ArnFormat, Duration, Stack, aws_events, aws_events_targets, aws_iam, aws_kms
from constructs import Construct

from cdk.stages import Stage
from cdk.units.function import PythonFunction
from cdk.units.function_code import FunctionCode
from lambdas.secret_age.settings import SecretAgeSettings


class SecretAge(Construct):
    """Measures every day how long ago each of the secrets `names` got its value; it cannot read one.

    The metrics are `SecretAgeDays` and `SecretAgeUnknown` (1 when the secret is missing, else 0). Their dimensions are
    `service` (secret_age) and `secret`, a secret's whole name.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: Stage,
        names: Sequence[str],
        code: FunctionCode,
        logs_key: aws_kms.IKey,
    ) -> None:
        super().__init__(scope, id)
        self.names = tuple(names)
        self.function = PythonFunction(
            self,
            "Function",
            stage=stage,
            folder="secret_age",
            code=code,
            settings=SecretAgeSettings(secrets=",".join(self.names)),
            logs_key=logs_key,
            timeout_s=60,
            memory_mb=256,
            asynchronous=True,
        )
        self.function.function.add_to_role_policy(
            aws_iam.PolicyStatement(
                actions=["secretsmanager:ListSecretVersionIds"],
                resources=[self._arn(name) for name in self.names],
            )
        )
        aws_events.Rule(
            self,
            "Daily",
            description="Measures how old the secrets are",
            schedule=aws_events.Schedule.rate(Duration.days(1)),
            targets=[aws_events_targets.LambdaFunction(self.function.alias)],
        )

    def _arn(self, name: str) -> str:
        """A secret's ARN ends in six characters that nobody can know before it is made
        (https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_iam-permissions.html).
        """
        return Stack.of(self).format_arn(
            service="secretsmanager",
            resource="secret",
            resource_name=f"{name}-??????",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
