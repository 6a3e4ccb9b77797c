"""The services of AWS that the fleet calls, reached without the internet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from aws_cdk import aws_ec2
from constructs import Construct

CALLED: Final[Mapping[str, str]] = {
    "ecr.api": "hosts ask where an image's layers are",
    "ecr.dkr": "hosts pull images, whose layers come from S3",
    "ecs": "hosts join the cluster and report what became of their tasks",
    "ecs-agent": "hosts are told which tasks to start and stop",
    "ecs-telemetry": "hosts report what tasks use",
    "logs": "hosts write what containers say, collectors write metrics",
    "secretsmanager": "agents read their keys, hosts those that containers start with",
}
"""Interface endpoints and who needs each (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/vpc-endpoints.html);
a test holds them against the rights of the fleet's roles.

Not `execute-api`: with private DNS it would catch every call to the public API, which then answers nobody in here
(https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-private-apis.html).
"""


class PrivateEndpoints(Construct):
    """One door for each called service, open on 443 to whoever is in the network.

    A door costs by the hour and by subnet, so `subnets` says how many lost zones it shall outlive.
    """

    def __init__(
        self, scope: Construct, id: str, *, vpc: aws_ec2.Vpc, addresses: str, subnets: Sequence[aws_ec2.ISubnet]
    ) -> None:
        super().__init__(scope, id)
        group = aws_ec2.SecurityGroup(
            self, "Group", vpc=vpc, description="Services of AWS, from inside the network", allow_all_outbound=False
        )
        group.add_ingress_rule(aws_ec2.Peer.ipv4(addresses), aws_ec2.Port.tcp(443), "Whoever is in the network")
        for name in CALLED:
            aws_ec2.InterfaceVpcEndpoint(
                self,
                "".join(part.capitalize() for part in name.replace("-", ".").split(".")),
                vpc=vpc,
                service=aws_ec2.InterfaceVpcEndpointAwsService(name),
                subnets=aws_ec2.SubnetSelection(subnets=list(subnets)),
                security_groups=[group],
                open=False,
            )
