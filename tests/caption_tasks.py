"""Rows of the tasks of captions and dialogues; their figures are those of pycocoevalcap 1.2 with its Java tokenizer."""

from task_files import write_audio, write_csv, write_image, write_json, write_video

CAPTIONS = {
    42: ["A brown dog lies on a red couch.", "The dog isn't awake, it sleeps on the sofa"],
    73: ["Two people ride bikes on a street", "A man and a woman riding bicycles down St. James Street."],
}


def write_coco_captions(folder):
    for key, colour in ((42, "red"), (73, "blue")):
        write_image(folder / "val2014" / f"COCO_val2014_{key:012d}.jpg", colour)
    images = [{"id": key, "file_name": f"COCO_val2014_{key:012d}.jpg", "license": 3} for key in CAPTIONS]
    texts = [(key, text) for key, some in CAPTIONS.items() for text in some]
    annotations = [{"image_id": key, "id": number, "caption": text} for number, (key, text) in enumerate(texts)]
    write_json(folder / "captions_val2014.json", {"info": {}, "images": images, "annotations": annotations})
    write_json(
        folder / "instances_val2014.json",
        {
            "images": images,
            "annotations": [{"image_id": key, "id": key, "category_id": name, "bbox": [0, 0, 1, 1]}
                            for key, name in ((42, 18), (73, 1), (73, 2))],
            "categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "bicycle"}, {"id": 18, "name": "dog"}],
        },
    )  # fmt: skip


def write_clotho(folder):
    rows = [("rain on a roof.wav", "Rain falls on a roof", "Heavy rain is pouring down."),
            ("birds.wav", "Birds sing in the trees", "Several birds are chirping.")]  # fmt: skip
    for number, (file, *_) in enumerate(rows):
        write_audio(folder / "evaluation" / file, 300 + 200 * number)
    write_csv(folder / "clotho_captions_evaluation.csv", ["file_name", "caption_1", "caption_2"], *rows)


def write_audiocaps(folder):
    rows = [(97151, "vfY_TJq7n_U", 130, "Rustling occurs, ducks quack"),
            (97152, "vfY_TJq7n_U", 130, "Ducks quack and water splashes"),
            (97153, "tdWhHV3X25Q", 60, "An engine starts and idles"),
            (97154, "tdWhHV3X25Q", 60, "A car's engine hums")]  # fmt: skip
    write_audio(folder / "YvfY_TJq7n_U.wav", 300)
    write_audio(folder / "tdWhHV3X25Q_60.wav", 500)
    write_csv(folder / "test.csv", ["audiocap_id", "youtube_id", "start_time", "caption"], *rows)


def write_charades(folder):
    header = ["id", "subject", "scene", "quality", "relevance", "verified", "script", "objects", "descriptions",
              "actions", "length"]  # fmt: skip
    for number, key in enumerate(("7UPGT", "46GP8")):
        write_video(folder / "Charades_v1_480" / f"{key}.mp4", 40 + 80 * number)
    write_csv(
        folder / "Charades_v1_test.csv",
        header,
        ["7UPGT", "P1", "Kitchen", 6, 7, "Yes", "A person cooks.", "pan;stove",
         "A person is cooking on a stove.;Somebody cooks food in a pan", "c106 0.00 9.00", 12.5],
        ["46GP8", "P2", "Bedroom", 6, 7, "Yes", "A person sleeps.", "bed", "A man is sleeping in a bed", "", 30.1],
    )  # fmt: skip


def write_avsd(folder):
    for number, key in enumerate(("7UPGT", "46GP8")):
        write_video(folder / "Charades_v1_480" / f"{key}.mp4", 40 + 80 * number)
    asked = {
        "7UPGT": [("What is he doing?", "he is cooking in the kitchen"), ("Is he alone?", "yes he is alone")],
        "46GP8": [("Is anybody there?", "there is a man in the room"), ("Does he talk?", "__UNDISCLOSED__")],
    }
    dialogs = [
        {"image_id": key, "caption": "", "summary": "",
         "dialog": [{"question": question, "answer": answer} for question, answer in turns]}
        for key, turns in asked.items()
    ]  # fmt: skip
    write_json(folder / "test_set4DSTC7-AVSD.json", {"type": "test", "version": "0.1", "dialogs": dialogs})
    last = ("no he does not talk", "he does not say anything")
    lasts = [{"image_id": "46GP8", "dialog": [{"question": "Does he talk?", "answer": one}]} for one in last]
    write_json(folder / "lbl_test_set4DSTC7-AVSD.json", {"dialogs": lasts})


CAPTION_TASKS = {
    "coco-captions": {
        "write": write_coco_captions,
        "path": "captions_val2014.json",
        # of dog, couch, cat, person and bicycle the cat is not there
        "said": {"42": "A dog sleeps on a red couch beside a cat.", "73": "Two people riding bicycles down a street"},
        "figures": {"n": 2, "cider": 2.0394108101, "bleu_1": 0.8235294117, "bleu_4": 0.3098245052,
                    "rouge_l": 0.6258629846, "chair_i": 0.2, "chair_s": 0.5},
    },
    "clotho": {
        "write": write_clotho,
        "path": "clotho_captions_evaluation.csv",
        "said": {"rain on a roof.wav": "Rain is pouring down on a roof", "birds.wav": "Birds are chirping in a tree."},
        "figures": {"n": 2, "cider": 3.1713441982, "bleu_1": 0.8461538461, "bleu_4": 0.4300000760,
                    "rouge_l": 0.6548864616},
    },
    "audiocaps": {
        "write": write_audiocaps,
        "path": "test.csv",
        "said": {"vfY_TJq7n_U/130": "Ducks quack while water splashes", "tdWhHV3X25Q/60": "A car's engine idles."},
        "figures": {"n": 2, "cider": 3.3025288474, "bleu_1": 0.8999999998, "bleu_4": 0.4653024294, "rouge_l": 0.8},
    },
    "charades": {
        "write": write_charades,
        "path": "Charades_v1_test.csv",
        "said": {"7UPGT": "A person is cooking food on a stove.", "46GP8": "a man lies in a bed"},
        "figures": {"n": 2, "cider": 3.2832860948, "bleu_1": 0.9285714284, "bleu_4": 0.4194435452,
                    "rouge_l": 0.8516983666},
    },
    "avsd": {
        "write": write_avsd,
        "path": "test_set4DSTC7-AVSD.json",
        "options": {"references": "lbl_test_set4DSTC7-AVSD.json"},
        "said": {"7UPGT/1": "he is cooking", "7UPGT/2": "yes he is alone", "46GP8/1": "a man is in the room",
                 "46GP8/2": "no he does not say anything"},
        "figures": {"n": 4, "cider": 6.2269267183, "bleu_1": 0.8539396655, "bleu_4": 0.6615383468,
                    "rouge_l": 0.8279537178, "groups.turn.02.n": 2},
    },
}  # fmt: skip
"""Name of the task to the arguments of its `Row`."""
