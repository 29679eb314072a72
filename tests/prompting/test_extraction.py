from __future__ import annotations

import ast
from pathlib import Path

import pytest

from rewardsmith.prompting.extraction import MOST_CHARACTERS, find_code, spoken
from rewardsmith.reward.source import RewardRejected

COMPLETIONS = Path(__file__).resolve().parents[1] / "data" / "completions"
CODE = "import numpy as np\n\n\ndef compute_reward(action, *, w=1.0):\n    return w * action, {'a': w * action}\n"


def kind_of(text: str, **given: str) -> str:
    with pytest.raises(RewardRejected) as caught:
        find_code(text, **given)
    assert caught.value.failure.gate == "parse"
    return caught.value.failure.kind


def test_every_honest_completion_gives_parsing_code():
    files = [file for file in sorted(COMPLETIONS.glob("*/[0-9]*.md")) if file.parent.name != "faulty"]
    assert len(files) == 48
    for file in files:
        tree = ast.parse(find_code(file.read_text()))  # noqa: TID251
        functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
        assert "compute_reward" in functions, file


@pytest.mark.parametrize("number", range(1, 25))
def test_faulty_completions_fail_here_only_where_listed(number):
    text = (COMPLETIONS / "faulty" / f"{number:02d}.md").read_text()
    expected = {15: "no_code", 23: "truncated"}.get(number)
    if expected:
        assert kind_of(text) == expected
    else:
        assert "def " in find_code(text)


def test_of_a_draft_and_a_final_version_the_last_counts():
    code = find_code((COMPLETIONS / "faulty" / "16.md").read_text())
    assert "upright" in code
    assert "w_control=0.5" not in code


def test_a_function_of_another_name_is_returned_for_the_contract_to_name():
    assert find_code((COMPLETIONS / "faulty" / "17.md").read_text()).lstrip().startswith("import numpy")


def test_code_that_does_not_parse_is_returned_for_the_contract_to_point_at():
    code = find_code((COMPLETIONS / "faulty" / "01.md").read_text())
    with pytest.raises(SyntaxError):
        ast.parse(code)  # noqa: TID251


@pytest.mark.parametrize("tag", ["python", "py", "Python", "python3", "", " python", "text", "{.python}", "jl"])
def test_fences_carry_any_tag(tag):
    assert find_code(f"Here:\n\n```{tag}\n{CODE}```\n\nHope it helps: `w` matters.") == CODE


@pytest.mark.parametrize(("opening", "closing"), [("~~~", "~~~"), ("````python", "````"), ("```", "````")])
def test_fences_of_other_kinds(opening, closing):
    assert find_code(f"{opening}\n{CODE}{closing}\n") == CODE


def test_a_longer_fence_is_not_closed_by_a_shorter_one():
    inner = CODE + '"""\n```\nx = 1\n```\n"""\n'
    assert find_code(f"````python\n{inner}````\n") == inner


def test_an_indented_block_is_dedented():
    indented = "".join(f"   {line}" if line.strip() else line for line in CODE.splitlines(keepends=True))
    assert find_code(f"1. The code:\n\n   ```python\n{indented}   ```\n") == CODE


def test_windows_line_ends():
    assert find_code(f"```python\n{CODE}```".replace("\n", "\r\n")) == CODE


def test_fragments_before_and_after_are_ignored():
    text = f"```python\nx = 1\n```\n\n```python\n{CODE}```\n\n```yaml\nw: 2\n```\n\n```python\ncompute_reward(a)\n```\n"
    assert find_code(text) == CODE


def test_a_second_block_of_helpers_does_not_replace_the_reward():
    assert find_code(f"```python\n{CODE}```\n```python\ndef test_it():\n    assert True\n```") == CODE


@pytest.mark.parametrize("around", ["{}", "Sure, this is it:\n\n{}", "{}\nThis pays for the action. Enjoy!\n"])
def test_code_without_any_fence(around):
    assert find_code(around.format(CODE)) == CODE


def test_bare_code_with_a_syntax_error_is_returned_whole():
    broken = CODE.replace("w=1.0):", "w=1.0:")
    assert find_code(broken) == broken


@pytest.mark.parametrize("text", ["", "I cannot help with that.", "```python\nx = 1\n```", "Use `def compute_reward`."])
def test_no_code(text):
    assert kind_of(text) == "no_code"


def test_an_open_fence_is_truncated_even_if_an_earlier_draft_is_whole():
    assert kind_of(f"```python\n{CODE}```\nBetter:\n```python\n{CODE}") == "truncated"


def test_an_open_fence_without_a_function_is_truncated():
    assert kind_of("Here it is:\n```python\nimport numpy as np\n") == "truncated"


def test_an_answer_cut_off_before_any_code_is_truncated():
    assert kind_of("Let me think about the ant and", finish_reason="length") == "truncated"


def test_an_answer_cut_off_after_its_code_is_whole():
    assert find_code(f"```python\n{CODE}```\nNow let me expl", finish_reason="length") == CODE


def test_bare_code_cut_off_is_truncated():
    assert kind_of(CODE[: CODE.index("{'a'") + 3], finish_reason="length") == "truncated"


def test_thoughts_are_passed_over():
    draft = CODE.replace("w=1.0", "w=9.0")
    text = f"<think>Maybe\n```python\n{draft}```\nor\n```python\ndef compute_reward(</think>\n```python\n{CODE}```"
    assert find_code(text) == CODE


def test_too_much_code_is_refused_with_the_limit():
    with pytest.raises(RewardRejected) as caught:
        find_code(f"```python\n{CODE}{'# x' * MOST_CHARACTERS}\n```")
    assert caught.value.failure.kind == "too_large"
    assert str(MOST_CHARACTERS) in caught.value.failure.message


def test_prose_after_bare_code_is_left_out_and_faults_inside_it_are_not():
    assert find_code(f"{CODE}\nThis pays for the action.\nDon't worry.\n\n- one\n- two (") == CODE
    broken = CODE.replace("    return w", "    b = w +\n    return w")
    assert find_code(broken) == broken


@pytest.mark.timeout(20)
def test_much_bare_code_that_does_not_parse_stays_quick():
    text = "import x\n" * 7000 + "def f(:\n"
    assert find_code(text) == text


def test_many_lines_without_a_fence_stay_quick():
    assert kind_of("import x\n" * 200_000) == "no_code"


def test_what_is_thought_aloud_is_left_out():
    assert spoken("a<Think>b<think>c</THINK>d</think>e<reasoning>f</reasoning>g") == "ad</think>eg"
    assert spoken("<thinking>a<think>b</think>c") == "<thinking>ac"


@pytest.mark.timeout(60)
@pytest.mark.parametrize("text", ["<think>" * 100_000, "~" * 100_000 + "`", "```" + "a" * 100_000 + "`"])
def test_hostile_answers_are_read_in_one_go(text):
    with pytest.raises(RewardRejected):
        find_code(text)
