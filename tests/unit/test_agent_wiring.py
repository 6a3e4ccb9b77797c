"""Settings become parts, and nothing of it leaves for anybody's cloud."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest
from botocore.session import Session

from agent.hearing import RIVA_LANGUAGES
from agent.hotel import HotelClient, SigV4
from agent.server import TARGET_LOAD, build_server, endpoints
from agent.service import hotel_of
from agent.settings import AgentSettings
from agent.stays import Dialogue
from agent.trace import Traces
from agent.wiring import Parts, load_detectors, open_session, open_tts
from gpu_fleet.riva.models import MODELS, RivaModel
from lambdas.shared.domain.dispatch import AGENT_NAME
from lambdas.shared.domain.hotel import LANGUAGES, Hotels
from lambdas.shared.settings import SettingsError
from lambdas.shared.speech.language import DetectorMissing
from lambdas.shared.speech.registry import require_engines
from local.processes import free_port
from tests.agent import AURORA, CALL_ID, Steered, phone

pytestmark = pytest.mark.unit

ENVIRONMENT = {
    "LIVEKIT_URL": "ws://127.0.0.1:7880",
    "LIVEKIT_SECRET": "bellhop/test/livekit",
    "API_URL": "http://127.0.0.1:8800",
    "RIVA_URL": "127.0.0.1:50051",
    "LLM_URL": "http://127.0.0.1:8803/v1",
    "LLM_MODEL": "bellhop-brain",
    "LLM_SECRET": "bellhop/test/llm",
    "SPEECH_ENGINES": "http",
    "SPEECH_URL": "http://127.0.0.1:8802",
}


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> Parts:
    monkeypatch.setattr("agent.wiring.read_secret", lambda name: f"secret of {name}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "LOCALACCESSKEY")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    return Parts.prepare(AgentSettings.read(ENVIRONMENT))


def test_settings_name_what_is_missing() -> None:
    """A worker that cannot work says which variables it lacks, and does not start."""
    with pytest.raises(SettingsError, match=r"LIVEKIT_URL.*RIVA_URL"):
        AgentSettings.read({})


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"AZURE_SPEECH_REGION": "westeurope"}, "AZURE_SPEECH_REGION and AZURE_SPEECH_SECRET belong together"),
        ({"AZURE_SPEECH_SECRET": "bellhop/test/azure-speech"}, "AZURE_SPEECH_REGION and AZURE_SPEECH_SECRET belong"),
        ({"AZURE_SPEECH_REGION": "../x", "AZURE_SPEECH_SECRET": "x"}, "AZURE_SPEECH_REGION: String should match"),
        ({"RIVA_TLS": "true", "RIVA_CERT": __file__}, "RIVA_CERT and RIVA_KEY belong together"),
        ({"RIVA_CA": __file__}, "of no use without RIVA_TLS=true"),
        ({"RIVA_TLS": "true", "RIVA_CA": "/nowhere/ca.pem"}, "RIVA_CA: Path does not point to a file"),
    ],
)
def test_half_a_setting_stops_the_start(said: Mapping[str, str], told: str) -> None:
    """A second recogniser without its key, or a certificate without its own, is found before a guest calls."""
    with pytest.raises(SettingsError, match=told):
        AgentSettings.read({**ENVIRONMENT, **said})


def test_an_engine_nobody_knows_stops_the_start() -> None:
    """A voice that cannot be is found before a guest calls."""
    with pytest.raises(SettingsError, match="gramophone"):
        AgentSettings.read({**ENVIRONMENT, "SPEECH_ENGINES": "gramophone"})


def test_an_engine_without_its_address_stops_the_start() -> None:
    """An engine that is named and absent is found before a guest calls."""
    settings = AgentSettings.read({**ENVIRONMENT, "SPEECH_URL": ""})

    with pytest.raises(SettingsError, match="SPEECH_URL"):
        require_engines(settings)


def test_settings_that_are_written_are_read_again() -> None:
    """What a stack writes for the worker is what the worker reads."""
    settings = AgentSettings.read({**ENVIRONMENT, "MAX_CALLS": "7"})

    assert AgentSettings.read(settings.write()) == settings


@pytest.mark.parametrize("model", [model for model in MODELS.values() if model.streaming], ids=lambda model: model.name)
def test_every_recogniser_hears_every_language_a_hotel_may_have(model: RivaModel) -> None:
    """Whichever recogniser a stage runs, it is never asked for a language that it does not know."""
    asked_for = {RIVA_LANGUAGES[language] for language in LANGUAGES}

    assert asked_for <= set(model.languages)


async def test_a_session_hears_thinks_and_speaks_through_what_the_settings_name(parts: Parts) -> None:
    """Recogniser, model and voice are ours; their endpoints come from the environment."""
    traces = Traces()
    stt, llm = parts.open_stt(AURORA, traces), parts.open_llm()
    engines = parts.open_engines(traces)
    async with parts.open_http() as http:
        client = HotelClient(http, hotel="aurora", call_id=CALL_ID, traces=traces)
        tts = open_tts(engines, AURORA, client)

        session = open_session(Dialogue(), stt=stt, llm=llm, tts=tts, vad=parts.vad)

        assert (session.stt, session.llm, session.tts, session.vad) == (stt, llm, tts, parts.vad)
        assert llm.model == "bellhop-brain"
        assert stt.provider == "NVIDIA Riva"
        assert tts.engines == engines
        await tts.aclose()
        await llm.aclose()


async def test_a_session_uses_nothing_of_livekits_cloud(parts: Parts) -> None:
    """Turns end by a model in this process, interruptions by its voice detector, and a guest is heard at once."""
    stt = parts.open_stt(AURORA, Traces())
    async with parts.open_http() as http:
        client = HotelClient(http, hotel="aurora", call_id=CALL_ID, traces=Traces())
        tts = open_tts(parts.open_engines(Traces()), AURORA, client)

        session = open_session(Dialogue(), stt=stt, llm=parts.open_llm(), tts=tts, vad=parts.vad)

        assert getattr(session.turn_detection, "model", None) == "turn-detector-v1-mini"
        assert session.options.interruption["mode"] == "vad"
        assert session.options.interruption["min_duration"] == 0.2
        assert session.options.aec_warmup_duration == 0
        assert session.options.transcription_timeout is not None
        await tts.aclose()


async def test_a_call_follows_its_guest_where_the_hotel_has_several_languages(parts: Parts) -> None:
    """Doubtful words are heard again in the others; a hotel of one language has neither."""
    for languages, follows in ((("en", "de"), True), (("en",), False)):
        async with phone() as phoned:
            hotel = AURORA.model_copy(update={"languages": languages})

            language = parts.open_language(hotel, phoned.call, recogniser=Steered(), voice=Steered())
            changed = language.hear("Guten Tag, ich möchte bitte ein Zimmer mit Frühstück für zwei Nächte buchen.")

            assert (language.again is not None, changed) == (follows, follows)
            await language.aclose()


def test_a_detector_that_is_not_installed_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that could not follow its guests says what to install or to set, and does not start."""

    def missing(*_: object) -> None:
        raise DetectorMissing("install it")

    monkeypatch.setattr("agent.wiring.open_detector", missing)
    settings = AgentSettings.read(ENVIRONMENT)

    with pytest.raises(SettingsError, match="LANGUAGE_DETECTOR=both: install it"):
        load_detectors(settings, Hotels.load(Path("hotels")))


def test_a_worker_is_dispatched_by_name_and_listens_where_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """No room gets a receptionist that did not ask for one, and nothing outside the machine reaches the worker."""
    monkeypatch.setattr("agent.server.read_secret", lambda _: '{"api_key": "key", "api_secret": "secret"}')

    server = build_server(AgentSettings.read(ENVIRONMENT))

    assert server._agent_name == AGENT_NAME == "receptionist"
    assert server._host == "127.0.0.1"


@pytest.mark.parametrize(("calls", "takes_more"), [(0, True), (3, True), (4, False)])
def test_a_worker_is_as_busy_as_its_calls(monkeypatch: pytest.MonkeyPatch, calls: int, takes_more: bool) -> None:
    """Load counts calls: the server gives it the last call it can take, and not one more."""
    monkeypatch.setattr("agent.server.read_secret", lambda _: '{"api_key": "key", "api_secret": "secret"}')
    server = build_server(AgentSettings.read({**ENVIRONMENT, "MAX_CALLS": "4"}))
    monkeypatch.setattr(type(server), "active_jobs", [object()] * calls)

    load = server.load_fnc(server)  # type: ignore[misc,call-arg]

    assert (load < TARGET_LOAD) is takes_more


async def test_a_worker_says_how_many_calls_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that can be given calls tells how many it has at that moment; before that it tells nothing."""
    monkeypatch.setattr("agent.server.read_secret", lambda _: '{"api_key": "key", "api_secret": "secret"}')
    port = free_port(8082)
    settings = AgentSettings.read({**ENVIRONMENT, "MAX_CALLS": "4", "METRICS_PORT": str(port)})
    server = build_server(settings)

    async with endpoints(server, settings), httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as prometheus:
        starting = await prometheus.get("/metrics")
        monkeypatch.setattr(type(server), "active_jobs", [object()] * 3)
        server.emit("worker_registered", "AW_1", None)
        busy = await prometheus.get("/metrics")

    assert starting.status_code == 503
    assert "bellhop_agent_calls 3.0" in busy.text
    assert "bellhop_agent_load 0.75" in busy.text
    assert busy.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(
    ("metadata", "known"),
    [
        ('{"v":1,"hotel":"aurora"}', True),
        ('{"v":1,"hotel":"grand"}', False),
        ('{"v":2,"hotel":"aurora"}', False),
        ("", False),
        ("aurora", False),
    ],
)
def test_a_dispatch_that_names_no_hotel_of_ours_still_finds_a_voice(metadata: str, known: bool) -> None:
    """An unreadable dispatch is apologised for in the voice of the hotel that was dialled."""
    hotels = Hotels.load(Path("hotels"))

    hotel, is_known = hotel_of(metadata, CALL_ID, hotels)

    assert hotel.name == "aurora"
    assert is_known is known


def test_credentials_are_asked_for_at_the_start() -> None:
    """A worker without credentials says so before a guest calls."""
    session = Session()
    session.get_credentials = lambda: None  # type: ignore[method-assign]

    with pytest.raises(RuntimeError, match="no AWS credentials"):
        SigV4("eu-central-1", session)
