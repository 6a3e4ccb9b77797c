"""The real LiveKit server on this machine: where its program is, and what keeps it on loopback."""

from __future__ import annotations

import json
import shutil

from local.processes import ROOT, StartError


def livekit_program() -> str:
    """The server that set-up built, or one on PATH; raises StartError when there is neither."""
    built = ROOT / ".local" / "bin" / "livekit-server"
    found = str(built) if built.exists() else shutil.which("livekit-server")
    if not found:
        raise StartError("livekit-server is missing; `make ready` builds it")
    return found


def livekit_environment(
    *, port: int, media_port: int, key: str, secret: str, webhook: str | None = None
) -> dict[str, str]:
    """A server with this key, for signalling on TCP `port` and sound on UDP `media_port`, that reports to `webhook`.

    Without a SIP service, which would need redis. It looks for no address of this machine but the loopback's and asks
    no STUN server for one, so it works without a network and nobody else reaches it.
    """
    config = {
        "port": port,
        "bind_addresses": ["127.0.0.1"],
        "logging": {"level": "info", "json": True},
        "rtc": {
            "tcp_port": 0,
            "udp_port": media_port,
            "node_ip": "127.0.0.1",
            "use_external_ip": False,
            "enable_loopback_candidate": True,
            "interfaces": {"includes": ["lo"]},
            "ips": {"includes": ["127.0.0.1/32"]},
            "stun_servers": [],
        },
        "keys": {key: secret},
        **({"webhook": {"api_key": key, "urls": [webhook]}} if webhook else {}),
    }
    return {"LIVEKIT_CONFIG": json.dumps(config)}
