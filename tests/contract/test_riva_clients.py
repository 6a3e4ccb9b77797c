"""NVIDIA's own client programs before the recognition stand-in, as they are before Riva.

Each test makes the calls that one of the programs in `scripts/asr` of github.com/nvidia-riva/python-clients makes, with
its defaults, through the installed `riva.client`: a file is sent with its header and says itself what is in it.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import riva.client
from riva.client.proto import riva_asr_pb2

from tests.contract.riva_service import running_riva, say, silence, wav

pytestmark = pytest.mark.contract

BOOKING = "Hello, I would like to book a double room for two nights."


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where the stand-in answers."""
    with running_riva() as found:
        yield found


@pytest.fixture
def service(address: str) -> Iterator[riva.client.ASRService]:
    """A connection as each of the programs opens one."""
    auth = riva.client.Auth(uri=address)
    yield riva.client.ASRService(auth)
    auth.channel.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A WAV file with one sentence and a second of silence around it."""
    path = tmp_path / "booking.wav"
    path.write_bytes(wav(np.concatenate([silence(1), say(BOOKING), silence(1)])))
    return path


def config(**fields: Any) -> Any:
    """What the programs ask for by default; encoding and sample rate are left to the file."""
    return riva.client.RecognitionConfig(**{"max_alternatives": 1, "verbatim_transcripts": True, **fields})


def transcribed(
    service: riva.client.ASRService, file: Path, recognition: Any, *, frames: int = 1_600, **printing: Any
) -> list[str]:
    """What `transcribe_file.py` prints, line by line."""
    streaming = riva.client.StreamingRecognitionConfig(config=recognition, interim_results=True)
    printed = io.StringIO()
    with riva.client.AudioChunkFileIterator(file, frames) as chunks:
        responses = service.streaming_response_generator(audio_chunks=chunks, streaming_config=streaming)
        riva.client.print_streaming(responses, output_file=printed, **printing)
    return [line for part in printed.getvalue().splitlines() for line in part.split("\r")]


@pytest.mark.parametrize("language", ["en-US", ""])
@pytest.mark.parametrize("frames", [1_600, 10])
def test_a_file_is_streamed(service: riva.client.ASRService, file: Path, language: str, frames: int) -> None:
    """`transcribe_file.py --show-intermediate`: a guess, then the sentence, with a language or without one."""
    lines = transcribed(service, file, config(language_code=language), frames=frames, show_intermediate=True)

    assert [line[:2] for line in lines if line.strip()] == [">>", "##"]
    assert "double room for two nights" in lines[-1].lower()


def test_a_telephones_file_is_streamed(service: riva.client.ASRService, tmp_path: Path) -> None:
    """A file at 8 kHz needs no other configuration."""
    path = tmp_path / "telephone.wav"
    path.write_bytes(wav(say(BOOKING, 8_000), 8_000))

    lines = transcribed(service, path, config(language_code="en-US"))

    assert "double room for two nights" in lines[-1].lower()


def test_word_times_are_printed(service: riva.client.ASRService, file: Path) -> None:
    """`--word-time-offsets`: each word with its milliseconds and its confidence, in order."""
    recognition = config(language_code="en-US", enable_word_time_offsets=True)

    lines = transcribed(service, file, recognition, additional_info="time", word_time_offsets=True)

    table = [line.split() for line in lines[lines.index("Timestamps:") + 2 :]]
    times = [(int(start), int(end)) for _, start, end, _ in table]
    assert [word.lower().strip(".,") for word, *_ in table][-3:] == ["for", "two", "nights"]
    assert all(0 <= float(confidence) <= 1 for *_, confidence in table)
    assert times == sorted(times)
    assert 500 < times[0][0] < times[-1][1] < 1_000 + len(say(BOOKING)) / 16 + 200


def test_confidence_is_printed(service: riva.client.ASRService, file: Path) -> None:
    """`--print-confidence`: how steady a guess is, and how sure the final."""
    lines = transcribed(service, file, config(language_code="en-US"), additional_info="confidence")

    shown = {name: float(value) for name, _, value in (line.partition(":") for line in lines) if value}
    assert shown["Stability"] == pytest.approx(0.5)
    assert 0 < shown["Confidence"] <= 1


def test_words_are_boosted(service: riva.client.ASRService, file: Path) -> None:
    """`--boosted-lm-words … --boosted-lm-score`, in a file that is streamed and in one that is not."""
    recognition = config(language_code="en-US")
    riva.client.add_word_boosting_to_config(recognition, ["double room", "nights"], 20.0)

    streamed = transcribed(service, file, recognition)
    offline = service.offline_recognize(file.read_bytes(), recognition)

    assert "double room for two nights" in streamed[-1].lower()
    assert "double room for two nights" in offline.results[0].alternatives[0].transcript.lower()


def test_the_end_of_an_utterance_is_the_clients(service: riva.client.ASRService, tmp_path: Path) -> None:
    """`--stop-history`: with 1,200 ms a second of silence does not part what is said, with the default it does."""
    path = tmp_path / "pause.wav"
    path.write_bytes(wav(np.concatenate([say(BOOKING), silence(1), say("Yes, please book it.")])))
    patient = config(language_code="en-US")
    riva.client.add_endpoint_parameters_to_config(patient, -1, -1.0, 1_200, -1, -1.0, -1.0)
    riva.client.add_custom_configuration_to_config(patient, "")

    assert len(transcribed(service, path, patient)) == 1
    assert len(transcribed(service, path, config(language_code="en-US"))) == 2


def test_a_file_is_recognised_offline(
    service: riva.client.ASRService, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`transcribe_file_offline.py`: the response as JSON, and below it the whole transcript."""
    recognition = config(language_code="en-US", enable_word_time_offsets=True)

    riva.client.print_offline(service.offline_recognize(file.read_bytes(), recognition))

    document, _, transcript = capsys.readouterr().out.partition("Final transcript:")
    assert len(json.loads(document)["results"][0]["alternatives"][0]["words"]) >= len(BOOKING.split()) - 1
    assert "double room for two nights" in transcript.lower()


def test_models_are_listed(service: riva.client.ASRService) -> None:
    """`--list-models` finds one for files that are streamed and one for those that are not."""
    response = service.stub.GetRivaSpeechRecognitionConfig(riva_asr_pb2.RivaSpeechRecognitionConfigRequest())

    assert {model.parameters["type"] for model in response.model_config} == {"online", "offline"}
    assert all(model.parameters["language_code"] for model in response.model_config)


def test_several_clients_at_once(address: str, file: Path) -> None:
    """`riva_streaming_asr_client.py --num-clients 3`: threads with connections of their own hear the same."""

    def client(_: int) -> list[str]:
        auth = riva.client.Auth(uri=address)
        try:
            return transcribed(riva.client.ASRService(auth), file, config(language_code="en-US"))
        finally:
            auth.channel.close()

    with ThreadPoolExecutor(3) as threads:
        heard = list(threads.map(client, range(3)))

    assert heard[0] == heard[1] == heard[2]
    assert "double room for two nights" in heard[0][-1].lower()
