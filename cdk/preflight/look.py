"""Carries out checks side by side, none for longer than it may take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import Final

import aiohttp
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError
from livekit.api import ServerError

from cdk.preflight.deployment import Deployment, SecretMissing
from cdk.preflight.finding import Finding

SECONDS: Final = 30.0
"""The longest that all checks together may take."""


@dataclass(frozen=True)
class Check:
    """One thing that is looked at, under the name by which the table shows it."""

    subject: str
    look: Callable[[Deployment], Finding]


def look_at(deployment: Deployment, checks: Sequence[Check], *, seconds: float = SECONDS) -> dict[str, Finding]:
    """What every check found, in the checks' order; a check that takes longer than `seconds` has not seen its thing."""
    found: dict[str, Finding] = {
        check.subject: Finding.unseen(f"no answer within {seconds:g} seconds", fix="look again, or look at the network")
        for check in checks
    }
    done: SimpleQueue[tuple[str, Finding]] = SimpleQueue()
    threads = [
        # Daemons: a check that hangs must not keep the program from ending.
        Thread(target=lambda check=check: done.put((check.subject, carry_out(check, deployment))), daemon=True)
        for check in checks
    ]
    for thread in threads:
        thread.start()
    end = monotonic() + seconds
    for _ in threads:
        try:
            subject, finding = done.get(timeout=max(0.0, end - monotonic()))
        except Empty:
            break
        found[subject] = finding
    return found


def carry_out(check: Check, deployment: Deployment) -> Finding:
    """What a check found; whatever keeps it from looking is a finding too. Others' errors are told by their kind alone:
    their texts may repeat what was sent.
    """
    try:
        return check.look(deployment)
    except SecretMissing as error:
        return Finding.unseen(str(error), fix="create the secret first")
    except (NoCredentialsError, PartialCredentialsError):
        return Finding.unseen("there are no AWS credentials", fix="aws sso login, or set AWS_PROFILE")
    except ClientError as error:
        code = error.response["Error"]["Code"]
        denied = "Denied" in code or "Unauthorized" in code
        fix = f"let the deployer call {error.operation_name}" if denied else "see what AWS says to this code"
        return Finding.unseen(f"{error.operation_name} was answered {code}", fix=fix)
    except ServerError as error:
        return Finding.unseen(f"LiveKit answered {error.code}", fix="look again; https://status.livekit.io")
    except (BotoCoreError, aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError.
        return Finding.unseen(
            f"it cannot be reached ({type(error).__name__})", fix="look at the network, proxy and name"
        )
    except Exception as error:  # A fault of the check itself must not take the others with it.
        return Finding.unseen(f"the check failed ({type(error).__name__})", fix="report this")
