"""Where recognisers keep the model that NVIDIA has sent them: a volume that every GPU host mounts."""

from __future__ import annotations

from typing import Final

from aws_cdk import RemovalPolicy, aws_ec2, aws_ecs, aws_efs, aws_iam
from constructs import Construct

USER: Final = "1000"
"""NVIDIA's containers run as user 1000; whoever mounts the volume acts as this one."""
NAME: Final = "models"
NFS: Final = 2049


class ModelCache(Construct):
    """A POSIX volume, filled once by the warm-up and read at every start of a recogniser.

    It holds what can be fetched again from NVIDIA's registry in an hour, so it goes with its stack and has no backup.
    """

    def __init__(self, scope: Construct, id: str, *, vpc: aws_ec2.IVpc) -> None:
        super().__init__(scope, id)
        self._security_group = aws_ec2.SecurityGroup(
            self,
            "SecurityGroup",
            vpc=vpc,
            description="Models: hosts mount them for recognisers",
            allow_all_outbound=False,
        )
        self._files = aws_efs.FileSystem(
            self,
            "Files",
            vpc=vpc,
            vpc_subnets=aws_ec2.SubnetSelection(subnet_type=aws_ec2.SubnetType.PRIVATE_WITH_EGRESS),
            security_group=self._security_group,
            encrypted=True,
            # A start reads gigabytes at once and then nothing for days.
            throughput_mode=aws_efs.ThroughputMode.ELASTIC,
            removal_policy=RemovalPolicy.DESTROY,
            # A policy of its own takes from everybody what nobody's role allows. The library's would let whoever mounts
            # the volume write.
            file_system_policy=aws_iam.PolicyDocument(statements=[_only_encrypted()]),
            allow_anonymous_access=True,
        )
        self._access = self._files.add_access_point(
            "Access",
            path="/models",
            create_acl=aws_efs.Acl(owner_uid=USER, owner_gid=USER, permissions="0755"),
            posix_user=aws_efs.PosixUser(uid=USER, gid=USER),
        )

    def mount(self, task: aws_ecs.TaskDefinition, container: aws_ecs.ContainerDefinition, *, path: str) -> None:
        """Give the container the volume, encrypted on its way and opened by the task's own role."""
        task.add_volume(
            name=NAME,
            efs_volume_configuration=aws_ecs.EfsVolumeConfiguration(
                file_system_id=self._files.file_system_id,
                transit_encryption="ENABLED",
                authorization_config=aws_ecs.AuthorizationConfig(
                    access_point_id=self._access.access_point_id, iam="ENABLED"
                ),
            ),
        )
        container.add_mount_points(aws_ecs.MountPoint(container_path=path, source_volume=NAME, read_only=False))
        task.task_role.add_to_principal_policy(
            aws_iam.PolicyStatement(
                actions=["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"],
                resources=[self._files.file_system_arn],
                conditions={"StringEquals": {"elasticfilesystem:AccessPointArn": self._access.access_point_arn}},
            )
        )

    def let_in(self, hosts: aws_ec2.ISecurityGroup) -> None:
        """Hosts with this security group may reach the volume: on EC2 it is they who mount what a task asks for.

        https://docs.aws.amazon.com/AmazonECS/latest/developerguide/tutorial-efs-volumes.html
        """
        self._security_group.add_ingress_rule(hosts, aws_ec2.Port.tcp(NFS), "hosts mount the models for recognisers")


def _only_encrypted() -> aws_iam.PolicyStatement:
    return aws_iam.PolicyStatement(
        effect=aws_iam.Effect.DENY,
        principals=[aws_iam.AnyPrincipal()],
        actions=[f"elasticfilesystem:Client{action}" for action in ("Mount", "Write", "RootAccess")],
        conditions={"Bool": {"aws:SecureTransport": "false"}},
    )
