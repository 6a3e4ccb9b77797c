"""What is done once for a model before a recogniser can start: its image in our registry, the model on our volume.

Each is a custom resource, so a deployment does it and waits for it, and does it again only when the model changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, cast

from aws_cdk import (
    CfnElement,
    CfnResource,
    CustomResource,
    Duration,
    RemovalPolicy,
    Stack,
    aws_codebuild,
    aws_ec2,
    aws_ecr,
    aws_ecs,
    aws_events,
    aws_events_targets,
    aws_iam,
    aws_kms,
    aws_s3_assets,
    aws_secretsmanager,
)
from constructs import Construct, IDependable

from cdk.stages import Stage
from cdk.units.function import PythonFunction
from cdk.units.function_code import FunctionCode
from cdk.units.logs import CallLogs
from cdk.units.mirror import repository_address
from cdk.units.nag import acknowledge
from cdk.units.wildcards import acknowledge_wildcards
from gpu_fleet.riva.prepare import Places
from lambdas.riva_setup.settings import RivaSetupSettings

PROGRAM: Final = Path(__file__).resolve().parents[2] / "gpu_fleet/riva"
ANSWER_WITHIN: Final = 3600
"""Seconds; the longest that CloudFormation waits for a custom resource."""


class RivaPreparation(Construct):
    """Mirrors images, warms models up, and tells CloudFormation when either is done.

    `task` is the recogniser's, as its service runs it, so what is warmed up is what will run.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: Stage,
        code: FunctionCode,
        key: aws_kms.IKey,
        images: aws_ecr.IRepository,
        ngc: aws_secretsmanager.ISecret,
        cluster: aws_ecs.Cluster,
        provider: aws_ecs.AsgCapacityProvider,
        task: aws_ecs.TaskDefinition,
        security_group: aws_ec2.ISecurityGroup,
        subnets: Sequence[aws_ec2.ISubnet],
    ) -> None:
        super().__init__(scope, id)
        places = Places(
            repository=repository_address(self, images),
            ngc_secret=ngc.secret_name,
            cluster=cluster.cluster_name,
            task_definition=Stack.of(self).get_logical_id(cast("CfnElement", task.node.default_child)),
            provider=provider.capacity_provider_name,
            subnets=",".join(subnet.subnet_id for subnet in subnets),
            security_group=security_group.security_group_id,
        )
        self._role = aws_iam.Role(self, "Role", assumed_by=aws_iam.ServicePrincipal("codebuild.amazonaws.com"))
        self._project = self._build_project(stage, key, places)
        self._let_mirror(images, ngc)
        self._let_warm_up(cluster, task)
        self.function = PythonFunction(
            self,
            "Setup",
            stage=stage,
            folder="riva_setup",
            code=code,
            settings=RivaSetupSettings(build_project=self._project.project_name),
            logs_key=key,
            timeout_s=30,
            asynchronous=True,
        )
        self.function.function.add_to_role_policy(
            aws_iam.PolicyStatement(
                actions=["codebuild:StartBuild", "codebuild:BatchGetBuilds"], resources=[self._project.project_arn]
            )
        )
        died = aws_events.Rule(
            self,
            "BuildDied",
            description="A build that could not answer CloudFormation: the function does in its place",
            event_pattern=aws_events.EventPattern(
                source=["aws.codebuild"],
                detail_type=["CodeBuild Build State Change"],
                detail={
                    "project-name": [self._project.project_name],
                    "build-status": ["FAILED", "FAULT", "STOPPED", "TIMED_OUT"],
                },
            ),
            targets=[aws_events_targets.LambdaFunction(self.function.alias)],
        )
        # What has to be there before CloudFormation may ask for a step: the build's rights, and who speaks for it.
        self._able = (self._role, self._project, self.function, died)

    def mirror(self, images: Mapping[str, str]) -> CustomResource:
        """The images, by the tag in our repository, are there when this resource is.

        Its attribute `gpu_fleet.riva.prepare.KEY` is the whole ARN of the secret with NVIDIA's key.
        """
        return self._step("Mirror", {"Step": "mirror", "Images": dict(images)})

    def warm_up(self, what: Mapping[str, str], *, after: Sequence[IDependable]) -> CustomResource:
        """The model cache is filled when this resource is there; `what` says for what, and is warmed up once."""
        resource = self._step("WarmUp", {"Step": "warm-up", **what})
        resource.node.add_dependency(*after)
        return resource

    def _step(self, id: str, properties: Mapping[str, object]) -> CustomResource:
        resource = CustomResource(
            self,
            id,
            service_token=self.function.alias.function_arn,
            properties=dict(properties),
            removal_policy=RemovalPolicy.DESTROY,
        )
        # The library's own parameter writes the number as a text, which CloudFormation's schema does not know.
        cast("CfnResource", resource.node.default_child).add_property_override("ServiceTimeout", ANSWER_WITHIN)
        resource.node.add_dependency(*self._able)
        return resource

    def _build_project(self, stage: Stage, key: aws_kms.IKey, places: Places) -> aws_codebuild.Project:
        program = aws_s3_assets.Asset(self, "Program", path=str(PROGRAM), exclude=["*", "!prepare.py"])
        logs = CallLogs(self, "BuildLogs", stage=stage, key=key)
        for actions, resource in (
            (("s3:GetObject", "s3:GetObjectVersion"), program.bucket.arn_for_objects(program.s3_object_key)),
            (("s3:GetBucketAcl", "s3:GetBucketLocation"), program.bucket.bucket_arn),
            (("logs:CreateLogStream", "logs:PutLogEvents"), logs.log_group_arn),
            (("kms:Decrypt", "kms:GenerateDataKey"), key.key_arn),
        ):
            self._role.add_to_policy(aws_iam.PolicyStatement(actions=list(actions), resources=[resource]))
        return aws_codebuild.Project(
            self,
            "Build",
            description="Copies the recogniser's image and fills its model cache",
            # The library would also let it read every asset of the account and write every log of its name.
            role=self._role.without_policy_updates(),
            source=aws_codebuild.Source.s3(bucket=program.bucket, path=program.s3_object_key),
            build_spec=aws_codebuild.BuildSpec.from_object(
                {"version": "0.2", "phases": {"build": {"commands": ["python3 prepare.py"]}}}
            ),
            environment=aws_codebuild.BuildEnvironment(
                build_image=aws_codebuild.LinuxBuildImage.AMAZON_LINUX_2023_6,
                # 128 GB of disk: the image lies there packed and unpacked.
                compute_type=aws_codebuild.ComputeType.LARGE,
                # Copying an image needs docker, which CodeBuild has in privileged builds only.
                privileged=True,
            ),
            environment_variables={
                name: aws_codebuild.BuildEnvironmentVariable(value=value) for name, value in places.write().items()
            },
            encryption_key=key,
            timeout=Duration.minutes(58),
            queued_timeout=Duration.minutes(5),
            grant_report_group_permissions=False,
            logging=aws_codebuild.LoggingOptions(cloud_watch=aws_codebuild.CloudWatchLoggingOptions(log_group=logs)),
        )

    def _let_mirror(self, images: aws_ecr.IRepository, ngc: aws_secretsmanager.ISecret) -> None:
        images.grant_pull_push(self._role)
        images.grant(self._role, "ecr:ListImages")
        ngc.grant_read(self._role)

    def _let_warm_up(self, cluster: aws_ecs.Cluster, task: aws_ecs.TaskDefinition) -> None:
        stack = Stack.of(self)
        revisions = stack.format_arn(service="ecs", resource="task-definition", resource_name=f"{task.family}:*")
        inside = {"ArnEquals": {"ecs:cluster": cluster.cluster_arn}}
        handed_on = {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
        roles = [task.task_role.role_arn, task.obtain_execution_role().role_arn]
        for actions, resources, conditions in (
            (("cloudformation:DescribeStackResource",), [stack.stack_id], None),
            (("ecs:RunTask",), [revisions], inside),
            (("ecs:DescribeTasks", "ecs:StopTask"), ["*"], inside),
            (("iam:PassRole",), roles, handed_on),
        ):
            self._role.add_to_policy(
                aws_iam.PolicyStatement(actions=list(actions), resources=resources, conditions=conditions)
            )
        acknowledge(
            self._role,
            "AwsSolutions-IAM5[Resource::*]",
            "Signing in to ECR knows no resource; a task has no name before it runs, so it is limited by its cluster.",
        )
        acknowledge_wildcards(
            self._role, service="ecs", reason="Whichever revision of the recogniser's task the stack has is warmed up."
        )
