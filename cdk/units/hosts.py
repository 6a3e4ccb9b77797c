"""The machines that containers run on, as ECS capacity providers.

ECS starts a host when a task finds no place, and ends it when its last task has gone. One that has to go keeps its
tasks until they have ended, which an agent does with its last call.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from aws_cdk import Duration, aws_autoscaling, aws_ec2, aws_ecs, aws_iam
from constructs import Construct

from cdk.machine_images import CPU_IMAGE, GPU_IMAGE
from cdk.units.nag import acknowledge
from gpu_fleet.prices import CPU_HOST_VOLUME_GIB, GPU_HOST_VOLUME_GIB

JOINS: Final = (
    "ecs:RegisterContainerInstance",
    "ecs:DeregisterContainerInstance",
    "ecs:SubmitAttachmentStateChanges",
    "ecs:SubmitContainerStateChange",
    "ecs:SubmitTaskStateChange",
)
RESERVED_MIB: Final = 512
"""Memory of a host that ECS gives to no task: its own agent and the system need it."""


@dataclass(frozen=True)
class Kind:
    """What is particular about a sort of host."""

    image: str
    disk_gib: int
    disk_mib_per_second: int
    commands: tuple[str, ...] = ()
    """Run before ECS' agent starts."""
    agent_options: tuple[str, ...] = ()
    """Settings of ECS' agent."""


WITH_GPU: Final = Kind(
    image=GPU_IMAGE,
    disk_gib=GPU_HOST_VOLUME_GIB,
    # Twice what a disk does for nothing: a host's first minutes are the reading and writing of that image.
    disk_mib_per_second=250,
    # ECS gives the GPU to one container; the one that watches the GPU sees it by docker's default runtime, which
    # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-gpu.html sets so. `nvidia-ctk runtime configure`
    # would name the runtime a second time, beside the image's own way, and docker would not start.
    commands=(
        """echo 'OPTIONS="--default-ulimit nofile=32768:65536 --default-runtime nvidia"' > /etc/sysconfig/docker""",
        "systemctl restart docker",
    ),
    agent_options=("ECS_ENABLE_GPU_SUPPORT=true",),
)
WITHOUT_GPU: Final = Kind(image=CPU_IMAGE, disk_gib=CPU_HOST_VOLUME_GIB, disk_mib_per_second=125)


class Hosts(Construct):
    """A group of like machines in the private subnets, between none and `most`, and the provider that scales it.

    A `protected` host is ended by nobody but ECS, which knows its tasks; then the stack cannot be deleted before that
    protection is taken from its hosts (https://github.com/aws/aws-cdk/issues/18179). `stop_within` is how long a
    container may take to end. Hosts let nobody in, have no key and no public address, and give containers no access to
    their own rights.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        cluster: aws_ecs.Cluster,
        vpc: aws_ec2.IVpc,
        kind: Kind,
        instance: str,
        most: int,
        stop_within: Duration,
        protected: bool,
    ) -> None:
        super().__init__(scope, id)
        self.security_group = aws_ec2.SecurityGroup(
            self, "SecurityGroup", vpc=vpc, description="Hosts of the fleet: nothing comes in"
        )
        role = aws_iam.Role(self, "Role", assumed_by=aws_iam.ServicePrincipal("ec2.amazonaws.com"))
        self._let_join(role, cluster)
        user_data = aws_ec2.UserData.for_linux()
        user_data.add_commands(
            *kind.commands,
            *(
                f"echo {option} >> /etc/ecs/ecs.config"
                for option in (*_agent_options(stop_within), *kind.agent_options)
            ),
        )
        disk = aws_ec2.BlockDeviceVolume.ebs(
            kind.disk_gib,
            volume_type=aws_ec2.EbsDeviceVolumeType.GP3,
            throughput=kind.disk_mib_per_second,
            encrypted=True,
            delete_on_termination=True,
        )
        template = aws_ec2.LaunchTemplate(
            self,
            "Template",
            instance_type=aws_ec2.InstanceType(instance),
            machine_image=aws_ec2.MachineImage.from_ssm_parameter(kind.image, os=aws_ec2.OperatingSystemType.LINUX),
            # The library would also let a host write into every log group of the account.
            role=role.without_policy_updates(),
            security_group=self.security_group,
            user_data=user_data,
            # Encrypted with AWS' own key: a disk holds images and nothing of a guest.
            block_devices=[aws_ec2.BlockDevice(device_name="/dev/xvda", volume=disk)],
            require_imdsv2=True,
            http_put_response_hop_limit=1,
            instance_metadata_tags=False,
            detailed_monitoring=True,
        )
        self.group = aws_autoscaling.AutoScalingGroup(
            self,
            "Group",
            vpc=vpc,
            vpc_subnets=aws_ec2.SubnetSelection(subnet_type=aws_ec2.SubnetType.PRIVATE_WITH_EGRESS),
            launch_template=template,
            min_capacity=0,
            max_capacity=most,
            new_instances_protected_from_scale_in=protected,
            health_checks=aws_autoscaling.HealthChecks.ec2(grace_period=Duration.minutes(5)),
            group_metrics=[aws_autoscaling.GroupMetrics.all()],
        )
        self.provider = aws_ecs.AsgCapacityProvider(
            self,
            "Provider",
            auto_scaling_group=self.group,
            enable_managed_scaling=True,
            enable_managed_termination_protection=protected,
            enable_managed_draining=True,
            target_capacity_percent=100,
            instance_warmup_period=180,
        )
        cluster.add_asg_capacity_provider(self.provider)
        acknowledge(
            self.group,
            "AwsSolutions-AS3",
            "ECS starts and ends these hosts all day; what matters is whether a task finds a place, which is an alarm.",
        )

    def _let_join(self, role: aws_iam.Role, cluster: aws_ecs.Cluster) -> None:
        """ECS' agent joins the cluster and tells of its tasks; images and log lines are its tasks' roles' matter."""
        inside = {"ArnEquals": {"ecs:cluster": cluster.cluster_arn}}
        for actions, resource, conditions in (
            (JOINS, cluster.cluster_arn, None),
            (("ecs:Poll", "ecs:StartTelemetrySession"), "*", inside),
            (("ecs:DiscoverPollEndpoint",), "*", None),
        ):
            role.add_to_policy(
                aws_iam.PolicyStatement(actions=list(actions), resources=[resource], conditions=conditions)
            )
        acknowledge(
            role,
            "AwsSolutions-IAM5[Resource::*]",
            "A host has no name before it joins, so it polls by the cluster's; where to poll knows no resource.",
        )


def _agent_options(stop_within: Duration) -> tuple[str, ...]:
    """The ECS agent's settings, from https://github.com/aws/amazon-ecs-agent/blob/master/README.md."""
    return (
        "ECS_AWSVPC_BLOCK_IMDS=true",
        "ECS_ENABLE_AWSLOGS_EXECUTIONROLE_OVERRIDE=true",
        f"ECS_CONTAINER_STOP_TIMEOUT={stop_within.to_seconds():.0f}s",
        # Every tag we pull is immutable, so what the host has is right; what it needs no more is still cleaned away.
        "ECS_IMAGE_PULL_BEHAVIOR=once",
        # A large layer is unpacked for minutes in which nothing seems to happen.
        "ECS_IMAGE_PULL_INACTIVITY_TIMEOUT=10m",
        f"ECS_RESERVED_MEMORY={RESERVED_MIB}",
    )
