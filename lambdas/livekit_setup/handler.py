"""LiveKit's side of the hotels' phones, as CloudFormation asks for it."""

from __future__ import annotations

from functools import partial
from typing import Final

from lambdas.livekit_setup.livekit import open_sip
from lambdas.livekit_setup.service import LiveKitSetup
from lambdas.livekit_setup.settings import LiveKitSetupSettings
from lambdas.shared.custom_resource import custom_resource
from lambdas.shared.observability import open_logger
from lambdas.shared.settings import read_secret

SERVICE: Final = "livekit_setup"

settings = LiveKitSetupSettings.read()
setup = LiveKitSetup(settings, partial(read_secret, fresh=True), open_sip, open_logger(SERVICE))
lambda_handler = custom_resource(setup.handle, service=SERVICE, physical_id=f"bellhop-{settings.stage}-telephony")
