"""Empties the buckets of a stage that keeps nothing, without which CloudFormation cannot delete them:
`python -m cdk.emptying dev`, after the stacks that write to them are gone and before the data stack goes.

The library would do it with a function of its own, which could delete every file for as long as the stack stands. Here
it takes the rights of whoever destroys the stage.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from cdk.command_line import stage_of
from cdk.stages import Stage, StageError

WRITERS: Final = ("observability", "gpu-fleet", "api")
"""The stacks that write to the buckets."""


class NotEmptied(Exception):
    """A stack that writes to the buckets still stands, or a file cannot be deleted; the message names it."""


def empty(stage: Stage, *, cloudformation: Any, s3: Any) -> dict[str, int]:
    """Delete all files of the stage's buckets in all their versions; how many there were, by the bucket's logical id.

    Nothing is written afterwards: each bucket refuses it, also S3's own access logs, which come hours late. Raises
    NotEmptied, for a writer before it changes anything.
    """
    for writer in WRITERS:
        if _stands(cloudformation, stage.stack(writer)):
            raise NotEmptied(f"{stage.stack(writer)} still writes to the buckets: destroy it first")
    data = stage.stack("data")
    if not _stands(cloudformation, data):
        return {}
    buckets = {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=data)
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] == "AWS::S3::Bucket" and resource["ResourceStatus"] != "DELETE_COMPLETE"
    }
    for bucket in buckets.values():
        _close(s3, bucket)
    return {name: _delete_all(s3, bucket) for name, bucket in buckets.items()}


def _stands(cloudformation: Any, stack: str) -> bool:
    try:
        cloudformation.describe_stacks(StackName=stack)
    except ClientError as error:
        # CloudFormation has no error of its own for a stack that is not there.
        if "does not exist" in error.response["Error"]["Message"]:
            return False
        raise
    return True


def _close(s3: Any, bucket: str) -> None:
    """Refuse every write to the bucket, in place of its policy, which goes with the stack in any case."""
    refusal = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [refusal]}))


def _delete_all(s3: Any, bucket: str) -> int:
    deleted = 0
    for versions in _pages(s3, bucket):
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": versions, "Quiet": True})
        for fault in answer.get("Errors", ()):
            raise NotEmptied(f"{bucket}: {fault['Key']} cannot be deleted: {fault['Message']}")
        deleted += len(versions)
    return deleted


def _pages(s3: Any, bucket: str) -> Iterator[list[dict[str, str]]]:
    """Keys and versions, a thousand at most, which is also what one request may delete."""
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        if found:
            yield [{"Key": version["Key"], "VersionId": version["VersionId"]} for version in found]


def main(arguments: Sequence[str] | None = None) -> str:
    """What was done, in a line for each bucket; raises StageError, NotEmptied, and boto3's errors as they come."""
    stage = stage_of(arguments, command="cdk.emptying", does="Deletes every file of a stage that keeps nothing.")
    if stage.retain:
        return f"{stage.name} keeps what it has stored."
    session = boto3.Session(region_name=stage.region)
    emptied = empty(stage, cloudformation=session.client("cloudformation"), s3=session.client("s3"))
    return "\n".join(f"{bucket}: {files} deleted" for bucket, files in emptied.items()) or "There is nothing to empty."


if __name__ == "__main__":
    try:
        print(main())
    except (StageError, NotEmptied, BotoCoreError, ClientError) as error:
        sys.exit(str(error))
