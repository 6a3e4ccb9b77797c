"""Whether the key opens NVIDIA's registry for the stage's recogniser.

A registry answers the first request with where to get a token; the token then opens the manifest
(https://distribution.github.io/distribution/spec/auth/token/).
"""

from __future__ import annotations

import base64
import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

from cdk.preflight.deployment import Deployment
from cdk.preflight.finding import Finding
from gpu_fleet.riva.models import MODELS, RivaModel

_MANIFESTS: Final = (
    "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
)
_TIMEOUT: Final = 10.0


class Denied(Exception):
    """The registry does not let this key in; the message says at which step."""


def ngc_access(deployment: Deployment) -> Finding:
    """The recogniser's image may be pulled with the stage's key."""
    model = MODELS[deployment.stage.riva_model]
    image = f"{model.image}:{model.tag}"
    given = deployment.secret_fields("ngc")
    try:
        _open_manifest(deployment.registry, model, given.get("username", ""), given.get("password", ""))
    except Denied as error:
        return Finding.wrong(
            f"{image}: {error}",
            fix="accept the image's terms at catalog.ngc.nvidia.com and put an NGC API key with access into the secret",
        )
    return Finding.fine(f"{image} may be pulled")


def _open_manifest(registry: str, model: RivaModel, username: str, password: str) -> None:
    """Raises Denied, and OSError when the registry does not answer as one."""
    path = model.image.partition("/")[2]
    manifest = f"{registry}/v2/{path}/manifests/{model.tag}"
    status, headers, _ = _get(manifest, {"Accept": _MANIFESTS})
    if status == 401:
        asked = dict(re.findall(r'(\w+)="([^"]*)"', headers.get("www-authenticate", "")))
        realm = asked.pop("realm", "")
        if urlsplit(realm)[:2] != urlsplit(registry)[:2]:
            raise OSError("the registry sends its clients elsewhere for a token")
        credentials = base64.b64encode(f"{username}:{password}".encode()).decode()
        query = urlencode({**asked, "account": username}, quote_via=quote)
        status, _, body = _get(f"{realm}?{query}", {"Authorization": f"Basic {credentials}"})
        if status in (401, 403):
            raise Denied("the key does not count")
        if status != 200:
            raise OSError(f"the registry's tokens answered {status}")
        status, _, _ = _get(manifest, {"Accept": _MANIFESTS, "Authorization": f"Bearer {_token(body)}"})
    if status in (401, 403):
        raise Denied("the key does not open this image")
    if status == 404:
        raise Denied("there is no such image, or the key may not see it")
    if status != 200:
        raise OSError(f"the registry answered {status}")


def _token(body: bytes) -> str:
    try:
        answer = json.loads(body)
        return str(answer.get("token") or answer["access_token"])
    except (ValueError, KeyError, AttributeError):
        raise OSError("the registry's tokens answered something else") from None


def _get(url: str, headers: Mapping[str, str]) -> tuple[int, Mapping[str, str], bytes]:
    """Status, headers by lower-case name, body; raises OSError when there is no answer."""
    # Both S310: the address is the registry's own, or of its host, as `_open_manifest` sees to.
    request = urllib.request.Request(url, headers=dict(headers))  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310
            return answer.status, _lowered(answer.headers.items()), answer.read(1 << 20)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, _lowered(refused.headers.items()), b""


def _lowered(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers}
