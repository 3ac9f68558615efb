"""Audio: speech, music and other sound."""

from macaw_cli.modalities.entry import ModalityEntry, extensions

AUDIO = ModalityEntry(
    name="audio",
    plural="audio files",
    extensions=extensions("wav wave flac mp3 ogg oga opus m4a aac wma ac3 aif aiff aifc au caf w64 rf64 mka mp2"),
    encoder="audio",
    decoder="macaw_cli.media.decoding:decode_audio",
    about="the audio encoder's tokens: Whisper, wav2vec 2.0 and others",
    original=True,
    default_soft_tokens=6,
    keyword="audio",
    raw_keyword="input_features",
)
