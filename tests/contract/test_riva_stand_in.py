"""NVIDIA's own client against the recognition stand-in, over real speech."""

from __future__ import annotations

import contextlib
import time
import wave
from collections.abc import Iterator, Sequence
from pathlib import Path
from queue import Queue
from typing import Any

import grpc
import numpy as np
import pytest
import riva.client
from livekit import rtc
from livekit.agents.stt import SpeechEventType
from riva.client.proto import riva_asr_pb2

from agent.speech.riva_stt import RivaSTT
from tests.contract.riva_service import ROOT, Pcm, mulaw, running_riva, say, silence, wav

pytestmark = pytest.mark.contract

BOOKING = "Hello, I would like to book a double room for two nights."
HUMAN = ROOT.parent / "shared/audio/en-US_sample.wav"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where the stand-in answers."""
    with running_riva() as found:
        yield found


@pytest.fixture(scope="module")
def service(address: str) -> Iterator[riva.client.ASRService]:
    """The official client, connected to the stand-in."""
    auth = riva.client.Auth(uri=address)
    yield riva.client.ASRService(auth)
    auth.channel.close()


def config(**fields: Any) -> Any:
    defaults = {"encoding": riva.client.AudioEncoding.LINEAR_PCM, "sample_rate_hertz": 16_000, "language_code": "en-US"}
    return riva.client.RecognitionConfig(**{**defaults, **fields})


def chunks(audio: bytes, size: int = 3_200) -> list[bytes]:
    return [audio[start : start + size] for start in range(0, len(audio), size)]


def stream(service: riva.client.ASRService, audio: bytes | Pcm, *, interims: bool = False, **fields: Any) -> list[Any]:
    """All results of one request stream that is closed after the audio."""
    streaming = riva.client.StreamingRecognitionConfig(config=config(**fields), interim_results=interims)
    content = audio if isinstance(audio, bytes) else audio.tobytes()
    responses = service.streaming_response_generator(chunks(content), streaming)
    return [result for response in responses for result in response.results]


def finals(results: Sequence[Any]) -> list[str]:
    return [result.alternatives[0].transcript.strip() for result in results if result.is_final]


def test_the_final_comes_when_the_client_stops_sending(service: riva.client.ASRService) -> None:
    """A sentence without any silence after it is recognised once the request stream is half-closed."""
    results = stream(service, say(BOOKING))

    assert len(finals(results)) == 1
    assert "double room for two nights" in finals(results)[0].lower()
    assert list(results[0].alternatives[0].language_code) == ["en-US"]


def test_a_turn_ends_by_silence_too(service: riva.client.ASRService) -> None:
    """Two sentences with a second of silence between them are two finals, in order."""
    audio = np.concatenate([silence(1), say(BOOKING), silence(1), say("Yes, please book it."), silence(1)])

    texts = finals(stream(service, audio))

    assert len(texts) == 2
    assert "two nights" in texts[0]
    assert "book it" in texts[1]


def test_a_pause_inside_a_sentence_does_not_end_it(service: riva.client.ASRService) -> None:
    """Half a second of silence keeps the turn open."""
    audio = np.concatenate([say("I need a room for two adults"), silence(0.3), say("and one child."), silence(1)])

    texts = finals(stream(service, audio))

    assert len(texts) == 1
    assert "two adults" in texts[0]
    assert "child" in texts[0]


def test_interims_only_when_asked_for(service: riva.client.ASRService) -> None:
    """A guess is sent in the pause before the end of a turn, and only to a client that wants interim results."""
    audio = np.concatenate([say(BOOKING), silence(1)])

    asked, not_asked = stream(service, audio, interims=True), stream(service, audio)

    assert [result.is_final for result in asked][-1:] == [True]
    assert [result.is_final for result in not_asked] == [True]


def test_an_interim_comes_before_the_end_of_the_turn(service: riva.client.ASRService) -> None:
    """A guest who pauses in real time is already understood when the turn ends."""
    audio = np.concatenate([say("Yes, please book it."), silence(0.69)])
    streaming = riva.client.StreamingRecognitionConfig(config=config(), interim_results=True)

    def paced() -> Iterator[bytes]:
        for chunk in chunks(audio.tobytes(), 640):
            yield chunk
            time.sleep(0.02)

    responses = list(service.streaming_response_generator(paced(), streaming))
    results = [result for response in responses for result in response.results]

    assert [result.is_final for result in results] == [False, True]
    assert results[0].alternatives[0].transcript == results[1].alternatives[0].transcript


@pytest.mark.parametrize("level", [0, 0.0003, 0.01])
def test_silence_and_noise_bring_no_words(service: riva.client.ASRService, level: float) -> None:
    """A line on which nobody speaks has no transcript."""
    noise = np.random.default_rng(7).standard_normal(16_000 * 4) * level * 32_768

    assert finals(stream(service, noise.astype(np.int16))) == []


def test_telephone_audio(service: riva.client.ASRService) -> None:
    """µ-law at 8 kHz is understood."""
    results = stream(
        service, mulaw(say(BOOKING, 8_000)), encoding=riva.client.AudioEncoding.MULAW, sample_rate_hertz=8_000
    )

    assert "double room for two nights" in finals(results)[0].lower()


def test_word_times_are_milliseconds_of_the_stream(service: riva.client.ASRService) -> None:
    """Words come with rising times that start where the speech does, after two seconds of silence."""
    audio = np.concatenate([silence(2), say(BOOKING)])

    words = stream(service, audio, enable_word_time_offsets=True)[0].alternatives[0].words

    assert [word.word.lower().strip(".,") for word in words][-3:] == ["for", "two", "nights"]
    assert 1_500 < words[0].start_time < 2_500
    assert all(word.start_time <= word.end_time for word in words)
    assert words[-1].end_time <= len(audio) / 16 + 100


def test_a_recording_is_recognised_in_one_request(service: riva.client.ASRService) -> None:
    """`Recognize` takes a WAV file with its header and answers with a result for each utterance."""
    audio = np.concatenate([say(BOOKING), silence(1.5), say("Yes, please book it.")])

    response = service.offline_recognize(wav(audio), config())

    texts = [result.alternatives[0].transcript for result in response.results]
    assert len(texts) == 2
    assert "two nights" in texts[0]
    assert "book it" in texts[1]


def test_phrases_are_hints(service: riva.client.ASRService) -> None:
    """Speech contexts are accepted, more than eight too, and the sentence stays whole."""
    hinted = config()
    riva.client.add_word_boosting_to_config(hinted, [f"Aurora {number}" for number in range(12)], 20.0)

    response = service.offline_recognize(say(BOOKING).tobytes(), hinted)

    assert "double room for two nights" in response.results[0].alternatives[0].transcript.lower()


def test_the_language_can_be_found_out(service: riva.client.ASRService) -> None:
    """With language `multi` the result says which language was heard."""
    result = stream(service, say(BOOKING), language_code="multi")[0]

    assert list(result.alternatives[0].language_code) == ["en"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"language_code": "tlh-QO"}, "Unavailable model requested"),
        ({"model": "canary"}, "Unavailable model requested"),
        ({"sample_rate_hertz": 0}, "sample_rate_hertz is not specified"),
        ({"sample_rate_hertz": 12_345}, "sample_rate_hertz"),
        ({"encoding": riva.client.AudioEncoding.OGGOPUS}, "encoding"),
        ({"audio_channel_count": 2}, "audio_channel_count"),
    ],
)
def test_a_wrong_configuration_is_an_invalid_argument(
    service: riva.client.ASRService, fields: dict[str, Any], message: str
) -> None:
    """What the service cannot do is refused before any audio is heard, in both ways to ask."""
    with pytest.raises(grpc.RpcError) as streaming:
        stream(service, silence(0.1), **fields)
    with pytest.raises(grpc.RpcError) as offline:
        service.offline_recognize(silence(0.1).tobytes(), config(**fields))

    for fault in (streaming.value, offline.value):
        assert fault.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert message in str(fault.details())


def test_the_client_ends_a_turn(service: riva.client.ASRService) -> None:
    """`force_eou` brings the final at once, in mid-sentence too, and the stream goes on with the next turn."""
    finals: Queue[str] = Queue()

    def requests() -> Iterator[Any]:
        yield riva_asr_pb2.StreamingRecognizeRequest(
            streaming_config=riva.client.StreamingRecognitionConfig(config=config())
        )
        for sentence in (BOOKING, "Yes, please book it."):
            for chunk in chunks(say(sentence).tobytes()):
                yield riva_asr_pb2.StreamingRecognizeRequest(audio_content=chunk)
            yield riva_asr_pb2.StreamingRecognizeRequest(audio_content=b"", runtime_config={"force_eou": "true"})
            # No more is sent before the final is there.
            texts.append(finals.get(timeout=20))

    texts: list[str] = []
    for response in service.stub.StreamingRecognize(requests()):
        finals.put(response.results[0].alternatives[0].transcript)

    assert "two nights" in texts[0]
    assert "book it" in texts[1]


def test_audio_before_the_configuration_is_refused(service: riva.client.ASRService) -> None:
    """The first message of a stream must be its configuration."""
    request = riva_asr_pb2.StreamingRecognizeRequest(audio_content=b"\0" * 320)

    with pytest.raises(grpc.RpcError) as refused:
        list(service.stub.StreamingRecognize(iter([request])))

    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_header_that_contradicts_the_configuration_is_refused(service: riva.client.ASRService) -> None:
    """A WAV header with another sample rate is an error, not slow speech."""
    with pytest.raises(grpc.RpcError) as refused:
        stream(service, wav(say(BOOKING, 8_000), 8_000), sample_rate_hertz=16_000)

    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "header" in str(refused.value.details())


def test_the_configuration_names_models_and_languages(service: riva.client.ASRService) -> None:
    """A client can ask what there is: one streaming and one offline model, with their languages."""
    request = riva_asr_pb2.RivaSpeechRecognitionConfigRequest()

    models = service.stub.GetRivaSpeechRecognitionConfig(request).model_config

    assert [model.parameters["type"] for model in models] == ["online", "offline"]
    assert all("en-US" in model.parameters["language_code"].split(",") for model in models)


async def test_the_agents_recogniser_understands_it(address: str) -> None:
    """A turn that the agent flushes is a final with word times, and the turn after it another."""
    async with contextlib.aclosing(RivaSTT(address, language="en-US")) as recogniser:
        stream = recogniser.stream()
        for sentence in (BOOKING, "Yes, please book it."):
            samples = np.concatenate([silence(0.5), say(sentence)])
            stream.push_frame(rtc.AudioFrame(samples.tobytes(), 16_000, 1, len(samples)))
            stream.flush()
        stream.end_input()
        finals = [event.alternatives[0] async for event in stream if event.type is SpeechEventType.FINAL_TRANSCRIPT]

    assert "double room for two nights" in finals[0].text.lower()
    assert "please book it" in finals[1].text.lower()
    assert finals[0].end_time < finals[1].start_time


def test_a_human_voice(service: riva.client.ASRService) -> None:
    """A recording of a human being is understood, read from its file as NVIDIA's examples do."""
    if not HUMAN.exists():
        pytest.skip(f"no recording at {HUMAN}")
    with wave.open(str(HUMAN)) as file:
        rate = file.getframerate()
    streaming = riva.client.StreamingRecognitionConfig(config=config(sample_rate_hertz=rate), interim_results=False)

    with riva.client.AudioChunkFileIterator(Path(HUMAN), 1_600) as audio:
        responses = list(service.streaming_response_generator(audio, streaming))

    assert "what is natural language processing" in responses[-1].results[0].alternatives[0].transcript.lower()
