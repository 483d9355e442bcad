"""Declaring scenarios, and finding and reading them; every mistake in a file gives one sentence that names the
place."""

from pathlib import Path

import pytest

from badwire.errors import BadOption, RequestError, UnknownScenario
from badwire.scenario import scenario_file, settings
from tests.command_line import story

HEAD = """
from badwire.claims import RFC, claim, seen
from badwire.scenario.scenario_file import scenario
"""
CLAIM = """
@claim("It happened", RFC("9293"))
def it_happened(run):
    yield seen("frames", run.frames())
"""
STORY = """
@scenario("A title")
def story(lab):
    pass
"""


def written(folder: Path, text: str) -> str:
    file = folder / "written.py"
    file.write_text(text)
    return str(file)


def test_a_scenario_has_its_lesson_its_title_and_its_claims_in_order() -> None:
    found = scenario_file.load(str(story("mixed")))
    assert found.name == "mixed"
    assert found.title == "A SYN to a closed port is answered by a RST"
    assert found.lesson.startswith("One claim that holds")
    assert [claim.name for claim in found.claims] == ["syn_sent", "one_segment_is_enough", "a_datagram_was_sent"]


@pytest.mark.parametrize("name", ["timewiat", "time-wait", "TIMEWAIT", "timewaits"])
def test_a_misspelt_name_gets_the_near_one(name: str) -> None:
    with pytest.raises(UnknownScenario, match=r"did you mean timewait"):
        scenario_file.find(name)


def test_a_name_like_no_other_gets_all_names() -> None:
    with pytest.raises(UnknownScenario, match=r"There is no scenario 'xyzzy': there are: .*timewait"):
        scenario_file.find("xyzzy")


def test_a_path_to_nothing_says_so() -> None:
    with pytest.raises(UnknownScenario, match=r"no scenario file \./nowhere\.py"):
        scenario_file.find("./nowhere.py")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD + STORY + "def half(:", r"line 8: SyntaxError"),
        (HEAD + STORY + CLAIM + "\nundefined_name", r"line 13: NameError: name 'undefined_name'"),
        (HEAD + STORY + "import no_such_module", r"ModuleNotFoundError: No module named 'no_such_module'"),
        (HEAD + CLAIM, r"no function under @scenario"),
        (HEAD + STORY + STORY.replace("def story", "def other") + CLAIM, r"2 functions under @scenario"),
        (HEAD + STORY, r"has no claim"),
        (HEAD + STORY + "@claim('So I say')\ndef opinion(run): ...", r"a claim needs a source"),
    ],
)
def test_a_slip_in_a_file_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(RequestError, match=said) as caught:
        scenario_file.load(written(tmp_path, text))
    assert "written.py" in str(caught.value)


def test_a_scenario_does_not_shadow_a_module_of_the_same_name(tmp_path: Path) -> None:
    file = tmp_path / "socket.py"
    file.write_text("import socket as real\n" + HEAD + STORY + CLAIM + "\nreal.AF_INET")
    assert scenario_file.load(str(file)).name == "socket"


def test_sysctls_for_all_hosts() -> None:
    assert settings.for_each({"net.a": "1"}, ["x", "y"]) == {"x": {"net.a": "1"}, "y": {"net.a": "1"}}


def test_sysctls_host_by_host() -> None:
    assert settings.for_each({"x": {"net.a": "1"}}, ["x", "y"]) == {"x": {"net.a": "1"}}


@pytest.mark.parametrize("given", [{"z": {"net.a": "1"}}, {"x": {"net.a": "1"}, "net.b": "2"}])
def test_sysctls_of_no_host_are_refused(given: dict[str, dict[str, str]]) -> None:
    with pytest.raises(BadOption, match="is not a host"):
        settings.for_each(given, ["x", "y"])


def test_more_hosts_on_request() -> None:
    found = scenario_file.load(str(story("mixed")))
    more = scenario_file.Scenario(
        found.name, found.file, "", scenario_file.scenario("t", hosts={"client": 3})(found.declared.run), ()
    )
    assert [host.name for host in more.topology().hosts] == ["server", "client1", "client2", "client3"]
