"""Whether the operator's secrets are there and have the right form; a value is never shown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from cdk.preflight.deployment import Deployment, SecretMissing
from cdk.preflight.finding import Finding, State
from lambdas.shared.domain.hotel import Hotel

BOOKING_SYSTEMS: Final[Mapping[str, tuple[str, ...]]] = {
    "apaleo": ("client_id", "client_secret"),
    "cloudbeds": ("api_key",),
    "mews": ("client_token", "access_token"),
    "oracle_ohip": ("client_id", "client_secret", "scope", "enterprise_id", "app_key"),
}
"""What a hotel's secret holds, by the connector of its file."""


def _create(deployment: Deployment, name: str, form: str) -> str:
    """From a file, because what is typed into a shell stays in its history."""
    return (
        f"write {form} into a file; aws secretsmanager create-secret --region {deployment.stage.region}"
        f" --name {deployment.stage.secret(name)} --secret-string file://<file>"
    )


def _with_fields(deployment: Deployment, name: str, fields: tuple[str, ...], form: str) -> Finding:
    try:
        given = deployment.secret_fields(name)
    except SecretMissing as error:
        return Finding.wrong(str(error), fix=_create(deployment, name, form))
    lacking = [field for field in fields if not given.get(field, "").strip()]
    if lacking:
        return Finding.wrong(
            f"{deployment.stage.secret(name)} is not JSON with {' and '.join(lacking)}", fix=f"write it as {form}"
        )
    return Finding.fine(f"{deployment.stage.secret(name)} has {' and '.join(fields)}")


def livekit(deployment: Deployment) -> Finding:
    """The LiveKit project's API key and secret."""
    form = '{"api_key": "API…", "api_secret": "…"}'
    return _with_fields(deployment, "livekit", ("api_key", "api_secret"), form)


def ngc(deployment: Deployment) -> Finding:
    """The key to NVIDIA's registry, in the form in which ECS wants a registry's credentials."""
    form = '{"username": "$oauthtoken", "password": "<NGC API key>"}'
    found = _with_fields(deployment, "ngc", ("username", "password"), form)
    if found.state is State.FINE and deployment.secret_fields("ngc")["username"] != "$oauthtoken":
        return Finding.wrong(f"the username in {deployment.stage.secret('ngc')} is another", fix=f"write it as {form}")
    return found


def sip(deployment: Deployment) -> Finding:
    """The name and password with which the telephone company signs in, unless it is known by its addresses."""
    if deployment.stage.operator.sip_addresses:
        return Finding.fine("not needed: the telephone company is known by its addresses")
    return _with_fields(deployment, "sip", ("username", "password"), '{"username": "…", "password": "…"}')


def llm(deployment: Deployment) -> Finding:
    """The model's API key."""
    return _bare(deployment, "llm")


def speech(deployment: Deployment) -> Finding:
    """The voice's API key, where it asks for one."""
    if deployment.stage.speech_secret is None:
        return Finding.fine("not needed: the voice asks for no key")
    return _bare(deployment, "speech")


def azure_speech(deployment: Deployment) -> Finding:
    """Azure's key, where it shall hear calls that Riva cannot."""
    if deployment.stage.azure_speech_secret is None:
        return Finding.fine("not needed: calls are heard by Riva alone")
    return _bare(deployment, "azure-speech")


def booking_systems(deployment: Deployment) -> Finding:
    """The key to each hotel's booking system, with all that its connector signs in with."""
    hotels = [hotel for hotel in deployment.hotels if hotel.signs_in]
    if not hotels:
        return Finding.fine("not needed: no hotel has a booking system of its own")
    found = [_booking_system(deployment, hotel) for hotel in hotels]
    faults = [finding for finding in found if finding.state is not State.FINE]
    if faults:
        return Finding.wrong("; ".join(fault.seen for fault in faults), fix=faults[0].fix)
    return Finding.fine(f"there for {', '.join(hotel.name for hotel in hotels)}")


def _booking_system(deployment: Deployment, hotel: Hotel) -> Finding:
    fields = BOOKING_SYSTEMS.get(hotel.pms.connector)
    if fields is None:
        return Finding.wrong(
            f"hotel {hotel.name} has connector {hotel.pms.connector!r}",
            fix=f"name one of {', '.join(BOOKING_SYSTEMS)} in hotels/{hotel.name}/hotel.toml",
        )
    form = json.dumps(dict.fromkeys(fields, "…"), ensure_ascii=False)
    return _with_fields(deployment, f"pms/{hotel.name}", fields, form)


def _bare(deployment: Deployment, name: str) -> Finding:
    """A secret that is an API key and nothing around it."""
    form = "<API key>"
    try:
        text = deployment.secret(name)
    except SecretMissing as error:
        return Finding.wrong(str(error), fix=_create(deployment, name, form))
    if not text.isascii() or not text.isprintable() or " " in text or text[0] in "{\"'":
        return Finding.wrong(
            f"{deployment.stage.secret(name)} is not a bare key: it has blanks, quotes or braces",
            fix="write the key alone, without JSON, quotes or a line's end",
        )
    return Finding.fine(f"{deployment.stage.secret(name)} is a bare key")
