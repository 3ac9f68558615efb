"""Transcripts agree with transformers, from the file and from stored features alike."""

import numpy as np
import pytest
import soundfile
import tiny_encoders
import tiny_experts

from macaw_cli.basics.errors import InputError, UsageError
from macaw_cli.config.experts.transcript import TranscriptSettings
from macaw_cli.config.loading import open_workspace
from macaw_cli.experts.expert import Medium, StoredFeatures, Surroundings
from macaw_cli.experts.transcript import TranscriptExpert
from macaw_cli.features.extract import extract
from macaw_cli.media.audio import load_audio
from macaw_cli.shards.feature_store import FeatureStore

RATE = tiny_experts.RATE


@pytest.fixture(scope="module")
def whisper(tmp_path_factory):
    return tiny_experts.make_whisper(tmp_path_factory.mktemp("models") / "whisper")


@pytest.fixture
def audio(tmp_path):
    """Five seconds, which are three windows of the tiny Whisper."""
    noise = np.random.default_rng(0).normal(0, 0.2, 5 * RATE)
    soundfile.write(tmp_path / "noise.wav", noise * np.sin(np.arange(5 * RATE) / 7000), RATE)
    return tmp_path / "noise.wav"


def expert(folder, **options):
    return TranscriptExpert(TranscriptSettings(**options), Surroundings(str(folder), "cpu"))


def nowhere():
    raise InputError("The file was asked for.")


def by_transformers(folder, file):
    """Window by window, from the spectrogram on; the encoder's states rounded to fp16."""
    from transformers import WhisperFeatureExtractor, WhisperForConditionalGeneration

    model = WhisperForConditionalGeneration.from_pretrained(folder).eval()
    extractor, samples = WhisperFeatureExtractor.from_pretrained(folder), load_audio(file, RATE)
    texts = []
    for first in range(0, len(samples), 2 * RATE):
        made = extractor(samples[first : first + 2 * RATE], sampling_rate=RATE, return_tensors="pt")
        states = model.get_encoder()(made["input_features"])
        states["last_hidden_state"] = states["last_hidden_state"].half().float()
        options = {"do_sample": False, "max_new_tokens": 20, "force_unique_generate_call": True}
        ids = model.generate(encoder_outputs=states, **options)
        texts.append(tiny_experts.tiny_macaw.byte_tokenizer().decode(ids[0], skip_special_tokens=True))
    return " ".join(texts)


def test_the_windows_of_long_audio_are_transcribed_one_after_another(whisper, audio):
    heard = expert(whisper, max_new_tokens=20).text(Medium("audio", "", lambda: audio))
    assert heard == by_transformers(whisper, audio)
    assert len(set(heard.split())) > 1


def test_stored_features_of_whole_windows_give_the_same_transcript_as_the_file(whisper, audio, tmp_path):
    (tmp_path / "macaw.yaml").write_text(
        f"features: {{audio_encoder: {whisper}, audio_padding: keep, audio_windows: 3, device: cpu, workers: 1}}"
    )
    extract(open_workspace(tmp_path), [str(audio)])
    store = FeatureStore(tmp_path / "features")
    row = store.find("noise.wav", "audio")
    fingerprint = store.fingerprints["audio"]

    def stored(**changed):
        return StoredFeatures(row.shape, {**fingerprint, **changed}, lambda: store.read(row), lambda: row.meta)

    one = expert(whisper, max_new_tokens=20)
    expected = one.text(Medium("audio", row.key, lambda: audio))
    assert one.text(Medium("audio", row.key, nowhere, stored=stored())) == expected
    for other in ({"audio_padding": "drop"}, {"weights": "0"}, {"layer": -2}, {"precision": "bf16"}, {"pool": "50"}):
        with pytest.raises(InputError, match="asked for"):
            one.text(Medium("audio", row.key, nowhere, stored=stored(**other)))
    only_first = expert(whisper, max_new_tokens=20, windows=1)
    assert only_first.text(Medium("audio", row.key, nowhere, stored=stored())) == expected.split(" ")[0]


def test_segments_stand_behind_their_times_from_the_beginning_of_the_audio(whisper):
    one = expert(whisper, timestamps=True)
    time = [tiny_experts.NO_TIMESTAMPS + 1 + step for step in range(101)]
    letters = tiny_experts.tiny_macaw.byte_tokenizer().convert_tokens_to_ids(list("abc"))
    ids = [time[0], letters[0], time[25], time[50], letters[1], letters[2]]
    assert one._as_text(ids, 1) == "[2.0-2.5] a\n[3.0-4.0] bc"
    assert one._as_text([time[0], time[100]], 0) == ""


def test_a_transcript_with_timestamps_is_made_by_the_model(whisper, audio):
    lines = expert(whisper, timestamps=True, max_new_tokens=12).text(Medium("audio", "", lambda: audio)).splitlines()
    assert lines and all(line.startswith("[") for line in lines)


def test_silence_is_said(whisper):
    one = expert(whisper, form="They say: {}")
    assert (one.said("", "audio"), one.said("hi", "audio")) == ("They say: (no speech)", "They say: hi")


def test_what_is_no_whole_whisper_is_refused(tmp_path, whisper):
    with pytest.raises(InputError, match="whole Whisper"):
        expert(tiny_encoders.make("wav2vec2", tmp_path / "other"))
    with pytest.raises(InputError, match="does not exist"):
        expert(tmp_path / "no" / "model")
    with pytest.raises(UsageError):
        expert("")
    with pytest.raises(InputError, match=r"one language only.*de"):
        expert(whisper, language="de")


def test_other_weights_or_options_are_another_expert(whisper, tmp_path):
    other = tiny_experts.make_whisper(tmp_path / "other", seed=1)
    prints = [expert(whisper).fingerprint, expert(whisper, form="{}").fingerprint, expert(other).fingerprint,
              expert(whisper, windows=1).fingerprint]  # fmt: skip
    assert prints[0] == prints[1]  # how a text is said is no matter of what is kept
    assert len({str(one) for one in prints}) == 3
