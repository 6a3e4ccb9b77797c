"""Keep the whole system running on this machine: `make up`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path

from local.processes import ROOT, StartError
from local.stack import Stack


async def _keep_running() -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with Stack.start(logs=ROOT / ".local" / "logs" / "up", progress=lambda part: print(f"  ✓ {part}")) as stack:
        at = stack.addresses
        with _keys_of(stack) as keys:
            print(
                f"\n  LiveKit    {at.livekit}\n  API        {at.api}\n  AWS        {at.aws}  (tables calls, leases)"
                f"\n  Riva       {at.riva}\n  voices     {at.voices}\n  brain      {at.brain}"
                f"\n  keys       {keys.relative_to(ROOT)}  (`set -a; . {keys.relative_to(ROOT)}` in a shell)"
                f"\n  logs       {stack.logs.relative_to(ROOT)}/\n\nCtrl-C ends it.",
                flush=True,
            )
            await stopped.wait()
            print("ending …")


@contextlib.contextmanager
def _keys_of(stack: Stack) -> Iterator[Path]:
    """A file of shell variables with which a developer's own programs reach the stack; it goes when the stack ends."""
    variables = {
        "LIVEKIT_URL": stack.addresses.livekit,
        "LIVEKIT_API_KEY": stack.livekit_key,
        "LIVEKIT_API_SECRET": stack.livekit_secret,
        "AWS_ENDPOINT_URL": stack.addresses.aws,
        "AWS_ACCESS_KEY_ID": stack.access_key,
        "AWS_SECRET_ACCESS_KEY": stack.secret_key,
        "AWS_DEFAULT_REGION": stack.region,
        "BRAIN_API_KEY": stack.brain_key,
        "LEGACY_TOKEN": stack.legacy_token,
    }
    path = stack.logs.with_name(f"{stack.logs.name}.env")
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def main() -> None:
    """Keep the stack running until Ctrl-C."""
    argparse.ArgumentParser(prog="make up", description=main.__doc__).parse_args()
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_keep_running())
    except StartError as error:
        raise SystemExit(f"the stack did not start: {error}") from None


if __name__ == "__main__":
    main()
