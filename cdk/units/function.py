"""One of our Lambdas: a folder below `lambdas/`, with a role, a log group and an alias of its own."""

from __future__ import annotations

from typing import Final

from aws_cdk import Annotations, Duration, aws_iam, aws_kms, aws_lambda, aws_sqs
from constructs import Construct

from cdk.stages import Stage
from cdk.units.function_code import FunctionCode
from cdk.units.logs import CallLogs
from cdk.units.metrics import NAMESPACE_VARIABLE, namespace
from cdk.units.nag import acknowledge
from lambdas.shared.settings import Settings

ALIAS: Final = "live"
DEAD_LETTERS_LAST: Final = Duration.days(14)
"""As long as SQS keeps anything."""


class PythonFunction(Construct):
    """The function in `lambdas/<folder>`, of which callers know the alias `live`.

    Its role may write its own log lines and traces and nothing else: the stack grants what the folder's handler needs.
    `settings` is written into its environment. With `snap_start` it starts from a snapshot taken after its imports, so
    those must read nothing that grows old. An `asynchronous` function is called by events; what it fails at three
    times is kept in `dead_letters`. `reserved` is how many of it run at once at most.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: Stage,
        folder: str,
        code: FunctionCode,
        settings: Settings,
        logs_key: aws_kms.IKey,
        timeout_s: int,
        memory_mb: int = 512,
        snap_start: bool = False,
        asynchronous: bool = False,
        reserved: int | None = None,
    ) -> None:
        super().__init__(scope, id)
        self.folder = folder
        self.log_group = CallLogs(self, "Logs", stage=stage, key=logs_key)
        self.dead_letters = self._dead_letters(logs_key) if asynchronous else None
        role = aws_iam.Role(self, "Role", assumed_by=aws_iam.ServicePrincipal("lambda.amazonaws.com"))
        self.log_group.grant_write(role)
        self.function = aws_lambda.Function(
            self,
            "Function",
            runtime=aws_lambda.Runtime.PYTHON_3_13,
            architecture=aws_lambda.Architecture.ARM_64,
            code=code.code,
            layers=[code.layer],
            handler=f"lambdas.{folder}.handler.lambda_handler",
            environment={
                **settings.write(),
                "POWERTOOLS_SERVICE_NAME": folder,
                NAMESPACE_VARIABLE: namespace(stage),
            },
            role=role,
            log_group=self.log_group,
            timeout=Duration.seconds(timeout_s),
            memory_size=memory_mb,
            reserved_concurrent_executions=reserved,
            tracing=aws_lambda.Tracing.ACTIVE,
            dead_letter_queue=self.dead_letters,
            snap_start=aws_lambda.SnapStartConf.ON_PUBLISHED_VERSIONS if snap_start else None,
        )
        if self.dead_letters:
            logs_key.grant(role, "kms:Decrypt", "kms:GenerateDataKey")
        acknowledge(role, "AwsSolutions-IAM5[Resource::*]", "The actions that write traces to X-Ray know no resource.")
        acknowledge(self.function, "AwsSolutions-L1", "Python 3.13 is the newest that all of this project runs on.")
        # Whose snapshots are of the versions, of which `live` always names one.
        Annotations.of(self.function).acknowledge_warning("@aws-cdk/aws-lambda:snapStartRequirePublish")
        self.alias = aws_lambda.Alias(self, "Live", alias_name=ALIAS, version=self.function.current_version)

    def _dead_letters(self, key: aws_kms.IKey) -> aws_sqs.Queue:
        return aws_sqs.Queue(
            self,
            "DeadLetters",
            encryption=aws_sqs.QueueEncryption.KMS,
            encryption_master_key=key,
            enforce_ssl=True,
            retention_period=DEAD_LETTERS_LAST,
        )
