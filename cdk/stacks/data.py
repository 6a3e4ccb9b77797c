"""What a stage remembers: calls, recordings, keys. It changes rarely, and nothing of it is made or lost by a deploy."""

from __future__ import annotations

from functools import partial
from typing import Any, Final, cast

from aws_cdk import CfnResource, Duration, Stack, aws_ecr
from constructs import Construct

from cdk.stages import Stage
from cdk.units.bucket import PrivateBucket
from cdk.units.generated_secret import GeneratedSecret
from cdk.units.kept import kept
from cdk.units.keys import CustomerKey
from cdk.units.nag import acknowledge
from cdk.units.table import SchemaTable
from lambdas.shared.tables import CALLS_SCHEMA, LEASES_SCHEMA

RECORDINGS_LAST: Final = Duration.days(90)
"""A recording is erased earlier when its guest or hotel says so; later never."""
PHRASES_LAST: Final = Duration.days(180)
"""A fixed phrase is spoken anew once in a while, so that phrases and voices no longer used do not pile up."""
MODELS_UNDO: Final = Duration.days(30)
"""How long a file in the models' bucket that was overwritten or deleted can be had back."""
MODELS_KEPT: Final = 3
"""Images of recognisers: that in use and those to go back to."""


class DataStack(Stack):
    """Tables, buckets, keys, generated secrets and the mirror of the recogniser's image."""

    def __init__(self, scope: Construct, id: str, *, stage: Stage, **kwargs: Any) -> None:
        super().__init__(scope, id, **kwargs)
        removal = kept(stage)

        self.table_key = CustomerKey(self, "TableKey", description="Calls and leases", removal_policy=removal)
        self.table_key.let_callers_of("dynamodb")
        self.bucket_key = CustomerKey(
            self, "BucketKey", description="Recordings, phrases and models", removal_policy=removal
        )
        self.log_key = CustomerKey(
            self, "LogKey", description="Log lines, alarms and dead letters", removal_policy=removal
        )
        self.log_key.let_log_groups()
        self.log_key.let_senders()
        self.secret_key = CustomerKey(self, "SecretKey", description="Secrets", removal_policy=removal)
        self.secret_key.let_callers_of("secretsmanager")

        self.calls = SchemaTable(self, "Calls", stage=stage, schema=CALLS_SCHEMA, encryption_key=self.table_key)
        self.leases = SchemaTable(self, "Leases", stage=stage, schema=LEASES_SCHEMA, encryption_key=self.table_key)

        # S3 writes access logs only where files are encrypted with its own key:
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
        self.access_logs = PrivateBucket(
            self, "AccessLogs", removal_policy=removal, expire_after=Duration.days(stage.log_days)
        )
        bucket = partial(
            PrivateBucket, self, removal_policy=removal, encryption_key=self.bucket_key, access_logs=self.access_logs
        )
        # Without versions: what a guest has erased must not be there any more.
        self.recordings = bucket("Recordings", expire_after=RECORDINGS_LAST)
        self.phrases = bucket("Phrases", expire_after=PHRASES_LAST)
        self.models = bucket("Models", undo_for=MODELS_UNDO)

        self.riva_images = aws_ecr.Repository(
            self,
            "RivaImages",
            image_scan_on_push=True,
            image_tag_mutability=aws_ecr.TagMutability.IMMUTABLE,
            lifecycle_rules=[
                aws_ecr.LifecycleRule(
                    description="Layers of a broken push",
                    tag_status=aws_ecr.TagStatus.UNTAGGED,
                    max_image_age=Duration.days(1),
                    rule_priority=1,
                ),
                aws_ecr.LifecycleRule(
                    description="The model in use and those to go back to",
                    tag_status=aws_ecr.TagStatus.TAGGED,
                    tag_pattern_list=["model-*"],
                    max_image_count=MODELS_KEPT,
                    rule_priority=2,
                ),
            ],
            removal_policy=removal,
            empty_on_delete=not stage.retain,
        )

        guest_key = GeneratedSecret(
            self,
            "GuestKey",
            stage=stage,
            name="guest-key",
            description="Turns a guest's number into the key under which returning guests are found",
            encryption_key=self.secret_key,
        )
        acknowledge(
            guest_key,
            "AwsSolutions-SMG4",
            "A new key would make every returning guest a stranger, so it is changed on purpose only.",
        )
        legacy_token = GeneratedSecret(
            self,
            "LegacyToken",
            stage=stage,
            name="legacy-token",
            description="The bearer token of clients of the earlier orchestrator",
            encryption_key=self.secret_key,
        )
        acknowledge(
            legacy_token,
            "AwsSolutions-SMG4",
            "Its clients hold a copy that only their operators can change, so both sides rotate it together.",
        )
        self.guest_key = guest_key.secret
        self.legacy_token = legacy_token.secret

        self._pin(
            AccessLogsBucket=self.access_logs,
            BucketKey=self.bucket_key,
            CallsTable=self.calls,
            GuestKeySecret=guest_key.stored,
            LeasesTable=self.leases,
            LegacyTokenSecret=legacy_token.stored,
            LogKey=self.log_key,
            ModelsBucket=self.models,
            PhrasesBucket=self.phrases,
            RecordingsBucket=self.recordings,
            RivaImagesRepository=self.riva_images,
            SecretKey=self.secret_key,
            TableKey=self.table_key,
        )

    def _pin(self, **constructs: Construct) -> None:
        """Give what outlives a deploy the id under which CloudFormation knows it, wherever the code comes to stand.

        A resource whose logical id changes is replaced: a new, empty table.
        """
        for logical_id, construct in constructs.items():
            cast("CfnResource", construct.node.default_child).override_logical_id(logical_id)
