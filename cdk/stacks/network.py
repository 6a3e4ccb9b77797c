"""Where the fleet runs: two zones that have its hosts, a way out, no way in."""

from __future__ import annotations

from typing import Any

import jsii
from aws_cdk import RemovalPolicy, Stack, aws_ec2, aws_logs
from constructs import Construct

from cdk.stages import Stage
from cdk.units.keys import CustomerKey
from cdk.units.logs import RETENTION
from cdk.units.private_endpoints import PrivateEndpoints
from cdk.units.zoned_vpc import ADDRESSES, ZonedVpc


class NetworkStack(Stack):
    """The VPC, its endpoints and flow logs."""

    def __init__(self, scope: Construct, id: str, *, stage: Stage, **kwargs: Any) -> None:
        self._zones = list(stage.gpu_zones)
        super().__init__(scope, id, **kwargs)
        self.vpc = ZonedVpc(self, "Vpc", zones=self._zones, nat_gateways=stage.nat_gateways)
        # A stage that stands still when the zone of its only NAT gateway does needs no second door either.
        PrivateEndpoints(
            self, "Endpoints", vpc=self.vpc, addresses=ADDRESSES, subnets=self.vpc.private_subnets[: stage.nat_gateways]
        )
        # A key of its own: the data stack's would make the network wait for the data, and nothing here is kept.
        key = CustomerKey(self, "LogKey", description="Flow logs", removal_policy=RemovalPolicy.DESTROY)
        key.let_log_groups()
        # Addresses and ports of hosts and partners. Guests reach LiveKit, never this network.
        logs = aws_logs.LogGroup(
            self,
            "FlowLogs",
            encryption_key=key,
            retention=RETENTION[stage.log_days],
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.vpc.add_flow_log("FlowLog", destination=aws_ec2.FlowLogDestination.to_cloud_watch_logs(logs))

    @property
    @jsii.member(jsii_name="availabilityZones")
    def availability_zones(self) -> list[str]:
        """The ids of the stage's zones: the library would otherwise look names up in the account."""
        return self._zones
