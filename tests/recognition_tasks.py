"""Rows of the tasks of questions about videos and audio, of transcripts and of classes; figures are counted by hand."""

from task_files import write_audio, write_csv, write_json, write_lines, write_video


def write_msvd_qa(folder):
    names = {1: "mv89psg6zh4_33_46", 2: "-AwyG1JcMp8_2_19"}
    for number, name in names.items():
        write_video(folder / "YouTubeClips" / f"{name}.avi", 40 * number)
    (folder / "YouTubeClips" / "youtube_mapping.txt").write_text("".join(f"{n} vid{k}\n" for k, n in names.items()))
    write_json(folder / "YouTubeClips" / "test_qa.json", [
        {"answer": "someone", "id": 0, "question": "who is chewing something?", "video_id": 1},
        {"answer": "dog", "id": 1, "question": "what is running?", "video_id": 2},
        {"answer": "cat", "id": 2, "question": "what is chewing something?", "video_id": 1},
    ])  # fmt: skip


def write_msrvtt_qa(folder):
    for number in (7010, 7011):
        write_video(folder / "videos" / f"video{number}.mp4", number % 200)
    write_json(folder / "test_qa.json", [
        {"answer": "couch", "category_id": 14, "id": 158581, "question": "what are three people sitting on?",
         "video_id": 7010},
        {"answer": "ball", "category_id": 14, "id": 158582, "question": "what does a man throw?", "video_id": 7011},
        {"answer": "two", "category_id": 14, "id": 158583, "question": "how many men play?", "video_id": 7011},
    ])  # fmt: skip


def write_clotho_aqa(folder):
    rain, dog = "rain on a roof.wav", "dog.wav"
    for number, file in enumerate((rain, dog)):
        write_audio(folder / "audio_files" / file, 300 + 200 * number)
    rows = [(rain, "Is it raining?", "yes"), (rain, "Is it raining?", "yes"), (rain, "Is it raining?", "yes"),
            (dog, "Is it raining?", "no"), (dog, "Is it raining?", "yes"), (dog, "Is it raining?", "No"),
            (dog, "What animal is it?", "dog"), (dog, "What animal is it?", "puppy"),
            (dog, "What animal is it?", "dog")]  # fmt: skip
    header = ["file_name", "QuestionText", "answer", "confidence"]
    write_csv(folder / "clotho_aqa_test.csv", header, *((*row, "yes") for row in rows))


def write_mmau(folder):
    rows = []
    for number, (task, choices, answer) in enumerate([
        ("sound", ["Man", "Woman", "Child", "Robot"], "Man"),
        ("sound", ["A dog", "A cat", "A dog and a cat"], "A dog and a cat"),
        ("music", ["C major", "A minor"], "A minor"),
        ("sound", ["Rain", "Wind"], "Wind"),
    ]):  # fmt: skip
        write_audio(folder / "test-mini-audios" / f"clip{number}.wav", 300 + 100 * number)
        rows.append({
            "id": f"clip{number}", "audio_id": f"./test-mini-audios/clip{number}.wav", "question": "What is heard?",
            "choices": choices, "answer": answer, "dataset": "AudioSet", "task": task, "split": "test-mini",
            "category": "Reasoning", "sub-category": "Acoustic Source Inference",
            "difficulty": "easy" if number else "hard",
        })  # fmt: skip
    write_json(folder / "mmau-test-mini.json", rows)


def write_librispeech(folder):
    texts = {"test-clean/61/70968/61-70968-0000": "HE BEGAN A CONFUSED COMPLAINT",
             "test-clean/61/70968/61-70968-0001": "GIVE NOT SO EARNEST A MIND TO THESE MUMMERIES CHILD",
             "test-other/367/130732/367-130732-0000": "LOBSTERS AND LOBSTERS"}  # fmt: skip
    for number, (place, text) in enumerate(texts.items()):
        audio = folder / "LibriSpeech" / f"{place}.flac"
        write_audio(audio, 200 + 100 * number)
        transcript = audio.with_name(f"{audio.stem.rpartition('-')[0]}.trans.txt")
        with transcript.open("a") as out:
            out.write(f"{audio.stem} {text}\n")


def write_esc50(folder):
    rows = [("1-100032-A-0.wav", 1, 0, "dog", True), ("1-110389-A-1.wav", 1, 1, "sea_waves", False),
            ("2-114280-A-0.wav", 2, 0, "dog", True), ("2-118072-A-2.wav", 2, 2, "rain", True)]  # fmt: skip
    for number, (file, *_) in enumerate(rows):
        write_audio(folder / "audio" / file, 300 + 100 * number)
    header = ["filename", "fold", "target", "category", "esc10", "src_file", "take"]
    write_csv(folder / "meta" / "esc50.csv", header, *((*row, 100, "A") for row in rows))


def write_questions(folder):
    write_video(folder / "media" / "a.mp4", 40)
    write_audio(folder / "media" / "b.wav", 300)
    write_audio(folder / "media" / "c.wav", 500)
    write_video(folder / "media" / "d.mp4", 120)
    write_lines(folder / "questions.jsonl", [
        {"id": "a", "video": "media/a.mp4", "question": "What is it?", "answers": ["a grey square", "fog"]},
        {"audio": "media/b.wav", "question": "What is heard?", "answer": "a low tone"},
        {"audio": "media/c.wav", "question": "What is heard?", "answer": "a high tone", "kind": "audio"},
        {"id": "d", "video": "media/d.mp4", "question": "What is it?", "answers": ["nothing", "bright grey"]},
    ])  # fmt: skip


RECOGNITION_TASKS = {
    "msvd-qa": {
        "write": write_msvd_qa,
        "path": "YouTubeClips/test_qa.json",
        "said": {"0": "Someone.", "1": "a cat", "2": "The cat"},
        "figures": {"n": 3, "accuracy": 2 / 3, "groups.question.what.accuracy": 0.5, "groups.question.who.n": 1},
    },
    "msrvtt-qa": {
        "write": write_msrvtt_qa,
        "path": "test_qa.json",
        "said": {"158581": "on a couch", "158582": "ball", "158583": "two"},
        "figures": {"n": 3, "accuracy": 2 / 3, "groups.question.what.accuracy": 0.5, "groups.question.how.accuracy": 1},
    },
    "clotho-aqa": {
        "write": write_clotho_aqa,
        "path": "clotho_aqa_test.csv",
        "said": {"rain on a roof.wav: Is it raining?": "Yes.", "dog.wav: Is it raining?": "yes",
                 "dog.wav: What animal is it?": "a dog"},
        "figures": {"n": 3, "accuracy": 2 / 3, "groups.answers.yes-no.accuracy": 0.5,
                    "groups.people.agree.accuracy": 1, "groups.people.differ.accuracy": 0.5},
    },
    "mmau": {
        "write": write_mmau,
        "path": "mmau-test-mini.json",
        # clip1: no choice has another word; clip2 names a word of the other choice; clip3 lacks the word
        "said": {"clip0": "It is a man.", "clip1": "a dog and a cat", "clip2": "A minor, not C major",
                 "clip3": "Storm"},
        "figures": {"n": 4, "accuracy": 0.5, "groups.task.sound.accuracy": 2 / 3, "groups.task.music.accuracy": 0,
                    "groups.difficulty.hard.accuracy": 1, "groups.skill.Acoustic Source Inference.n": 4},
    },
    "librispeech": {
        "write": write_librispeech,
        "path": "LibriSpeech",
        # of 5 words one is another; of 10 one is missing and one too much; of 3 none
        "said": {"61-70968-0000": "He began a confused complain.",
                 "61-70968-0001": "Give not so earnest mind to these mummeries, my child!",
                 "367-130732-0000": "lobsters and lobsters"},
        "figures": {"n": 3, "wer": 3 / 18, "wer_normalised": 3 / 18,
                    "groups.set.test-clean.wer": 3 / 15, "groups.set.test-other.wer": 0},
    },
    "questions": {
        "write": write_questions,
        "path": "questions.jsonl",
        "options": {"metrics": "exact_match,wer"},
        "said": {"a": "Fog.", "2": "a low tone", "3": "low tone", "d": "grey"},
        # F1: 1, 1, 1 of 2 words each, 1 of 1 and of 2 words; errors: 0, 0, 2 of 3 words, 1 of 1 (nothing: 1 of 1)
        "figures": {"n": 4, "token_f1": round((1 + 1 + 0.5 + 2 / 3) / 4, 4), "exact_match": 0.5,
                    "groups.kind.audio.token_f1": 0.75},
    },
    "esc50": {
        "write": write_esc50,
        "said": {"1-100032-A-0.wav": "dog", "1-110389-A-1.wav": "sea waves", "2-114280-A-0.wav": "Rain.",
                 "2-118072-A-2.wav": "rain"},
        "figures": {"n": 4, "accuracy": 0.75, "balanced_accuracy": 2.5 / 3, "groups.fold.1.accuracy": 1},
    },
}  # fmt: skip
"""Name of the task to the arguments of its `Row`."""
