"""Where files are kept."""

from __future__ import annotations

from typing import Final

from aws_cdk import Duration, RemovalPolicy, aws_kms, aws_s3
from constructs import Construct

HALF_UPLOADED: Final = Duration.days(1)
"""How long a broken upload keeps its parts, which nobody sees and everybody pays for."""


class PrivateBucket(aws_s3.Bucket):
    """A bucket that nobody outside the account reads, and nobody without TLS 1.2.

    Without a key its files are encrypted with S3's own. `expire_after` counts from a file's writing. With `undo_for`,
    what is overwritten or deleted stays that long. `access_logs` is where S3 notes who asked for what.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        removal_policy: RemovalPolicy,
        encryption_key: aws_kms.IKey | None = None,
        access_logs: aws_s3.IBucket | None = None,
        expire_after: Duration | None = None,
        undo_for: Duration | None = None,
    ) -> None:
        super().__init__(
            scope,
            id,
            encryption=aws_s3.BucketEncryption.KMS if encryption_key else aws_s3.BucketEncryption.S3_MANAGED,
            encryption_key=encryption_key,
            bucket_key_enabled=True if encryption_key else None,
            block_public_access=aws_s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=aws_s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=undo_for is not None,
            server_access_logs_bucket=access_logs,
            server_access_logs_prefix=f"{id.lower()}/" if access_logs else None,
            lifecycle_rules=[
                aws_s3.LifecycleRule(
                    id="Tidy",
                    abort_incomplete_multipart_upload_after=HALF_UPLOADED,
                    expiration=expire_after,
                    noncurrent_version_expiration=undo_for,
                )
            ],
            removal_policy=removal_policy,
        )
