import pytest

from macaw_cli.basics.errors import UsageError
from macaw_cli.config.loading import parse_settings, settings_yaml
from macaw_cli.config.tasks.chosen import task_section


def tasks(*written):
    return parse_settings({"evaluation": {"tasks": list(written)}}, "test").evaluation.tasks


def test_a_task_is_written_as_text_or_as_a_section():
    text = "pope:a/b.json?media=coco/val2014&answer=likeliest&conditions=real,swapped#5"
    section = {"name": "pope", "path": "a/b.json", "media": "coco/val2014", "answer": "likeliest",
               "conditions": ["real", "swapped"], "limit": 5}  # fmt: skip
    assert tasks(text) == tasks(section)
    assert tasks(text)[0].limit == 5


def test_one_task_needs_no_brackets():
    one = parse_settings({"evaluation": {"tasks": "pope:a.json"}}, "test").evaluation.tasks
    assert [task.name for task in one] == ["pope"]


def test_an_ampersand_in_a_value_is_written_with_a_percent_sign():
    assert task_section("pope:a?prompt=x %26 {question}")["prompt"] == "x & {question}"


def test_the_settings_read_back_to_the_same():
    import yaml

    settings = parse_settings({"evaluation": {"tasks": ["vqav2:b#3"]}}, "test")
    assert parse_settings(yaml.safe_load(settings_yaml(settings)), "test") == settings


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("pope", "NAME:PATH"),
        ("pop:a", "did you mean `pope`"),
        ("pope:a?medai=b", "evaluation.tasks.0.media"),
        ("pope:a?split=val2014", "evaluation.tasks.0.split"),  # an option of another task
        ("pope:a?media", "key=value"),
        ("pope:a?media=b&media=c", "given twice"),
        ("pope:a?limit=3#4", "limit"),
        ("pope:a?path=c", "path"),
        ("pope:a?answer=best", "likeliest"),
        ("pope:a?conditions=none", "real"),
        ("pope:a?conditions=real,real", "once"),
        ("pope:a?conditions=real,blind", "told"),
        ("pope:a?prompt=Is it there", "{question}"),
        ("pope:a?title=../up", "plain name"),
        ("pope:a?max_new_tokens=0", "max_new_tokens"),
        ({"name": "pope"}, "path"),
        ({"path": "x"}, "pope"),
        (3, "pope"),
    ],
)
def test_what_is_wrong_with_a_task_is_told(written, told):
    with pytest.raises(UsageError) as error:
        tasks(written)
    assert told in str(error.value)


def test_a_task_that_is_given_twice_needs_a_title():
    with pytest.raises(UsageError) as error:
        tasks("pope:a", "pope:b")
    assert "title" in str(error.value) and "twice" in str(error.value)
    assert [task.called for task in tasks("pope:a", "pope:b?title=second")] == ["pope", "second"]
