"""The network of a stage, in the zones that have what it needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

from aws_cdk import aws_ec2
from constructs import Construct

ADDRESSES: Final = "10.20.0.0/16"


class ZonedVpc(aws_ec2.Vpc):
    """A VPC with a public and a private subnet in each of the zones with these ids.

    A zone's name means another zone in each account, its id the same everywhere
    (https://docs.aws.amazon.com/global-infrastructure/latest/regions/az-ids.html). The library places subnets by name,
    so its placement is replaced; the stack's `availability_zones` must be the same ids. `private_subnets[n]` and
    `public_subnets[n]` are in the zone `zones[n]`, and their `availability_zone` is its id.
    """

    def __init__(self, scope: Construct, id: str, *, zones: Sequence[str], nat_gateways: int) -> None:
        super().__init__(
            scope,
            id,
            ip_addresses=aws_ec2.IpAddresses.cidr(ADDRESSES),
            availability_zones=list(zones),
            nat_gateways=nat_gateways,
            subnet_configuration=[
                aws_ec2.SubnetConfiguration(
                    name="Public",
                    subnet_type=aws_ec2.SubnetType.PUBLIC,
                    cidr_mask=24,
                    # Only NAT gateways are here, and they bring their own addresses.
                    map_public_ip_on_launch=False,
                ),
                aws_ec2.SubnetConfiguration(
                    name="Private", subnet_type=aws_ec2.SubnetType.PRIVATE_WITH_EGRESS, cidr_mask=20
                ),
            ],
            # The library does it with a function of its own, in another language than ours. The default group admits
            # its members only and has none: a test finds every network interface in a group that was made for it.
            restrict_default_security_group=False,
            gateway_endpoints={
                "S3": aws_ec2.GatewayVpcEndpointOptions(service=aws_ec2.GatewayVpcEndpointAwsService.S3),
                "DynamoDb": aws_ec2.GatewayVpcEndpointOptions(service=aws_ec2.GatewayVpcEndpointAwsService.DYNAMODB),
            },
        )
        for subnet in (*self.public_subnets, *self.private_subnets):
            resource = cast("aws_ec2.CfnSubnet", subnet.node.default_child)
            resource.add_property_override("AvailabilityZoneId", subnet.availability_zone)
            resource.add_property_deletion_override("AvailabilityZone")
