"""Settings become the parts of a session: what hears, thinks, speaks and asks the hotel.

What blocks is done once in `Parts.prepare`, before a process takes its first call.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import httpx
import httpx2
from livekit.agents import (
    NOT_GIVEN,
    AgentSession,
    APIConnectOptions,
    TurnHandlingOptions,
    inference,
    llm,
    stt,
    tts,
    vad,
)
from livekit.agents.voice.agent_session import SessionConnectOptions
from livekit.plugins import openai
from openai import AsyncClient

from agent.call import OngoingCall
from agent.hearing import Recogniser, Recognisers, open_recogniser, open_second_hearing
from agent.hotel import HotelClient, SigV4
from agent.language import CallLanguage, Voice
from agent.prompts import Prompts
from agent.second_hearing import SecondHearing
from agent.settings import AgentSettings
from agent.speech.riva_stt import RivaSTT
from agent.speech.routed_tts import RoutedTTS
from agent.stays import Dialogue
from agent.trace import Traces
from lambdas.shared.domain.hotel import Hotel, Hotels
from lambdas.shared.settings import SettingsError, read_secret
from lambdas.shared.speech.engine import Engine
from lambdas.shared.speech.language import Detector, DetectorMissing, SpokenLanguage, open_detector
from lambdas.shared.speech.registry import open_engines

MAX_TOOL_STEPS: Final = 4
TRANSCRIPTION_TIMEOUT: Final = 3.0
LONGEST_PAUSE: Final = 0.8
"""After so many seconds of silence a turn is over whatever the end-of-turn model says; who goes on speaking is joined
with what was said before (`Receptionist.on_user_turn_completed`). The recogniser is flushed after half of it, which
must be longer than the pause at a comma: a word that begins at that moment is heard by neither request."""
AWAY_AFTER: Final = 12.0
VOICE_ABOVE: Final = 0.35
"""The voice detector's probability above which somebody speaks. A telephone's band lowers it: with the usual 0.5 a line
such as "Sorry, can I bring my dog?" was two stretches of speech, and each end of one is a flush of the recogniser."""

CONNECT: Final = SessionConnectOptions(
    # A guest hears nothing while something is retried: one short retry, then the truth.
    # The recogniser overcomes outages by itself, by a budget that has to fit into this timeout.
    stt_conn_options=APIConnectOptions(max_retry=1, retry_interval=0.3, timeout=10.0),
    llm_conn_options=APIConnectOptions(max_retry=1, retry_interval=0.3, timeout=4.0),
    tts_conn_options=APIConnectOptions(max_retry=1, retry_interval=0.3, timeout=3.0),
)


HotelPrompts = Mapping[str, Mapping[str, Prompts]]
"""By the hotel's name and the language."""


def load_hotels(settings: AgentSettings) -> tuple[Hotels, HotelPrompts]:
    """The hotels and what is said for each; raises HotelFileError or PromptError before a guest finds out."""
    hotels = Hotels.load(settings.hotels)
    prompts = {
        hotel.name: {language: Prompts.load(hotel, language) for language in hotel.languages} for hotel in hotels
    }
    return hotels, prompts


def load_detectors(settings: AgentSettings, hotels: Hotels) -> Mapping[frozenset[str], Detector]:
    """What tells the languages of each hotel apart that has several; raises SettingsError when it is not installed."""
    several = {frozenset(hotel.languages) for hotel in hotels if len(hotel.languages) > 1}
    try:
        return {languages: open_detector(settings.language_detector, sorted(languages)) for languages in several}
    except DetectorMissing as missing:
        raise SettingsError(f"LANGUAGE_DETECTOR={settings.language_detector}: {missing}") from None


@dataclass(frozen=True)
class Parts:
    """What a worker's processes prepare before the first call and share among the calls they serve."""

    settings: AgentSettings
    hotels: Hotels
    prompts: HotelPrompts
    detectors: Mapping[frozenset[str], Detector]
    vad: vad.VAD
    tls: ssl.SSLContext
    sign: SigV4
    llm_key: str
    azure_key: str | None

    @classmethod
    def prepare(cls, settings: AgentSettings) -> Self:
        """Load models, hotels, certificates and secrets; raises what `load_hotels` raises, and SettingsError."""
        hotels, prompts = load_hotels(settings)
        return cls(
            settings=settings,
            hotels=hotels,
            prompts=prompts,
            detectors=load_detectors(settings, hotels),
            vad=inference.VAD(model="silero", activation_threshold=VOICE_ABOVE),
            tls=ssl.create_default_context(),
            sign=SigV4(settings.aws_region),
            llm_key=read_secret(settings.llm_secret),
            azure_key=read_secret(settings.azure_speech_secret) if settings.azure_speech_secret else None,
        )

    def open_http(self) -> httpx.AsyncClient:
        """The connection to the Lambdas, signed."""
        return httpx.AsyncClient(base_url=self.settings.api_url, auth=self.sign, verify=self.tls)

    def open_engines(self, traces: Traces) -> dict[str, Engine]:
        """This stage's speech engines."""
        return open_engines(self.settings, headers=traces.answer_headers)

    def open_stt(self, hotel: Hotel, traces: Traces) -> RivaSTT | Recognisers:
        """Who hears a call, expecting the hotel's language."""
        return open_recogniser(self.settings, hotel, traces, azure_key=self.azure_key)

    def open_language(self, hotel: Hotel, call: OngoingCall, *, recogniser: Recogniser, voice: Voice) -> CallLanguage:
        """The language of a call, which follows the guest's where the hotel has several."""
        prompts, detector = self.prompts[hotel.name], self.detectors.get(frozenset(hotel.languages))
        if detector is None:
            return CallLanguage(call, prompts, spoken=None, recogniser=recogniser, voice=voice)
        spoken = SpokenLanguage(detector, hotel.languages, hotel.language)
        other_ear = open_second_hearing(self.settings, hotel, call.traces)
        again = SecondHearing(other_ear, detector, hotel.languages, hotel.language)
        return CallLanguage(call, prompts, spoken=spoken, recogniser=recogniser, voice=voice, again=again)

    def open_llm(self) -> llm.LLM[Any]:
        """The model, whoever serves it, by the chat-completions protocol."""
        client = AsyncClient(
            base_url=self.settings.llm_url,
            api_key=self.llm_key,
            max_retries=0,
            http_client=httpx2.AsyncClient(verify=self.tls),
        )
        return openai.LLM(model=self.settings.llm_model, client=client, parallel_tool_calls=False)


def open_tts(engines: dict[str, Engine], hotel: Hotel, client: HotelClient) -> RoutedTTS:
    """The hotel's voice by the router's plan."""

    async def plan(_: str, language: str) -> Any:
        return await client.plan(language)

    return RoutedTTS(engines, hotel=hotel, plan=plan)


def open_session(
    dialogue: Dialogue, *, stt: stt.STT[Any] | None, llm: llm.LLM[Any] | None, tts: tts.TTS[Any], vad: vad.VAD | None
) -> AgentSession[Dialogue]:
    """A session in which nothing leaves the machine but what these parts send.

    Without a recogniser (the operator's session) nobody is listened to.
    """
    turns: TurnHandlingOptions = {
        "turn_detection": inference.TurnDetector(version="v1-mini") if stt else "manual",
        "endpointing": {"min_delay": 0.3, "max_delay": LONGEST_PAUSE},
        "interruption": {"mode": "vad", "min_duration": 0.2},
        # One request a turn: a guess at an unfinished sentence would be a second trace and a second bill.
        "preemptive_generation": {"enabled": False},
    }
    return AgentSession(
        userdata=dialogue,
        stt=stt or NOT_GIVEN,
        llm=llm or NOT_GIVEN,
        vad=vad,
        tts=tts,
        turn_handling=turns,
        # Every real caller has `sip.ruleID`, for which the framework would else be deaf for three seconds.
        aec_warmup_duration=0,
        transcription_timeout=TRANSCRIPTION_TIMEOUT if stt else None,
        user_away_timeout=AWAY_AFTER if stt else None,
        max_tool_steps=MAX_TOOL_STEPS,
        conn_options=CONNECT,
    )
