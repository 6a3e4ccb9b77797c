"""A resource of our own in a CloudFormation template: a function is asked to create, update or delete it, and answers.

CloudFormation invokes the function asynchronously and waits for a JSON document at the request's `ResponseURL`, for up
to an hour unless the resource has a `ServiceTimeout`. An answer that never comes is the worst one, so every fault is
told. https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html says what an answer is.
"""

from __future__ import annotations

import json
import time
import traceback
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas.shared.observability import open_logger
from lambdas.shared.settings import SettingsError

LONGEST_ANSWER: Final = 4096
"""Bytes; CloudFormation reads no more."""
_LONGEST_REASON: Final = 700
"""Characters; of whatever script, they leave the rest of an answer its room."""
_TRIES: Final = 4

Data = Mapping[str, str]
Handle = Callable[[Mapping[str, Any]], Data | None]
"""What a request asks for → what the template may read of it; None when somebody else answers the request later."""


class ResourceError(Exception):
    """The resource cannot be as it is asked for; the message is one sentence for whoever deploys, without secrets."""


class Put(Protocol):
    """Stores a body at an address; raises OSError when it cannot."""

    def __call__(self, url: str, body: bytes) -> None: ...


def put(url: str, body: bytes) -> None:
    """Store the body at a presigned address, which is good for no other Content-Type than an empty one."""
    # Both S310: the address is CloudFormation's own. It is never logged, for whoever has it can answer.
    request = urllib.request.Request(url, data=body, headers={"Content-Type": ""}, method="PUT")  # noqa: S310
    with urllib.request.urlopen(request, timeout=10):  # noqa: S310
        pass


def respond(
    event: Mapping[str, Any],
    *,
    physical_id: str,
    data: Data | None = None,
    error: str | None = None,
    put: Put = put,
) -> None:
    """Answer a request: it is done, or with `error` it is not.

    A `physical_id` other than the resource's present one tells CloudFormation to delete the present one. Data that make
    the answer longer than CloudFormation reads are an error. Raises OSError when the answer cannot be delivered, after
    four tries in seven seconds.
    """
    answer: dict[str, Any] = {
        "Status": "FAILED" if error else "SUCCESS",
        "Reason": (error or "done")[:_LONGEST_REASON],
        "PhysicalResourceId": physical_id,
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "Data": {} if error else dict(data or {}),
    }
    body = json.dumps(answer, ensure_ascii=False).encode()
    if len(body) > LONGEST_ANSWER:
        answer |= {"Status": "FAILED", "Data": {}}
        answer["Reason"] = f"the answer has {len(body)} bytes, CloudFormation reads {LONGEST_ANSWER}"
        body = json.dumps(answer, ensure_ascii=False).encode()
    for tried in range(_TRIES):
        try:
            put(str(event["ResponseURL"]), body)
        except OSError:
            if tried == _TRIES - 1:
                raise
            time.sleep(2**tried)
        else:
            break


def custom_resource(
    handle: Handle, *, service: str, physical_id: str, put: Put = put
) -> Callable[[dict[str, Any], LambdaContext], None]:
    """The Lambda handler of a resource: whatever `handle` does, CloudFormation is told.

    `physical_id` is that of a resource which does not exist yet. One that exists keeps its own, so no update and no
    failure is ever a replacement, which would end with the deletion of what is live. Raises OSError when CloudFormation
    cannot be told: then the request belongs into the dead-letter queue.
    """
    logger = open_logger(service)

    def lambda_handler(event: dict[str, Any], context: LambdaContext) -> None:
        kept = str(event.get("PhysicalResourceId") or physical_id)
        logger.append_keys(request_id=context.aws_request_id, asked=event.get("RequestType"), resource=kept)
        try:
            data = handle(event)
        except (ResourceError, SettingsError) as refused:
            logger.error("resource refused", reason=str(refused))
            respond(event, physical_id=kept, error=str(refused), put=put)
        except Exception as fault:
            # Whatever it was, CloudFormation is told, or it waits for an hour. The message of a fault that nobody
            # foresaw may hold a secret, and a Reason is shown in the console.
            kind = type(fault).__name__
            frames = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(fault.__traceback__)]
            logger.error("resource failed", fault=kind, frames=frames)
            respond(event, physical_id=kept, error=f"{service} failed with {kind}; its log says where", put=put)
        else:
            if data is None:
                logger.info("resource is answered later")
                return
            respond(event, physical_id=kept, data=data, put=put)
            logger.info("resource answered")

    return lambda_handler
