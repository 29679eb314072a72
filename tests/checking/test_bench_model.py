"""A model's turn at the suite: what is counted, what is kept, what is compared with what."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rewardsmith.checking.bench_words import differences, rows, share, text
from rewardsmith.checking.benches import Benches
from rewardsmith.domain.bench import SUITE, Answer, BenchResult
from rewardsmith.domain.plan import StopSpec
from rewardsmith.errors import ModelExhausted, UnknownName, UsageError
from tests.models.conftest import KEY, ChatServer, Reply, answer

FAST = """```python
def compute_reward(x_velocity, action):
    speed = {weight} * x_velocity
    return speed, {{"speed": speed}}
```"""
BACK = FAST.replace("{weight} * x", "-{weight} * x")
BROKEN = """```python
def compute_reward(x_speed):
    return x_speed, {"speed": x_speed}
```"""


@pytest.fixture
def benches(bench: Any, tmp_path: Path) -> Benches:
    """Of a folder of their own; the task is surveyed already."""
    return replace(bench.workshop.benches, folder=tmp_path / "benches")


@pytest.fixture
def asked(benches: Benches) -> Any:
    """Asks about one task, and notes how many calls were announced."""
    plans: list[tuple[int, float | None]] = []

    def ask(model: str, samples: int = 3, **more: Any) -> BenchResult:
        found = benches.measure(
            model, samples=samples, tasks=("hopper",), planned=lambda *plan: plans.append(plan), **more
        )
        assert isinstance(found, BenchResult)
        return found

    ask.plans = plans  # type: ignore[attr-defined]
    return ask


def files(folder: Path, *texts: str) -> str:
    folder.mkdir(exist_ok=True)
    for i, each in enumerate(texts):
        (folder / f"{i}.md").write_text(each.replace("{weight}", str(i + 1)).replace("{{", "{").replace("}}", "}"))
    return f"folder:{folder}"


def test_what_gets_through_is_counted_with_its_repairs_and_its_alignment(asked: Any, tmp_path: Path) -> None:
    result = asked(files(tmp_path / "given", FAST, BROKEN, BACK, FAST))
    found = [(each.valid, each.repairs, each.gate, each.kind) for each in result.answers]
    assert found == [(True, 0, None, None), (True, 1, "contract", "unknown_signal"), (True, 0, None, None)]
    forward, repaired, back = (each.alignment for each in result.answers)
    assert forward == repaired
    assert forward is not None
    assert back is not None
    assert forward > 0.9
    assert back < -0.9
    *_, whole = rows(result)
    assert (whole.valid.count, whole.at_once.count, whole.valid.of) == (3, 2, 3)
    assert whole.repairs == pytest.approx(1 / 3)


def test_what_is_not_mended_is_not_valid(asked: Any, tmp_path: Path) -> None:
    (first,) = asked(files(tmp_path / "given", BROKEN, BROKEN), samples=1).answers
    assert (first.valid, first.repairs, first.reward, first.alignment) == (False, 1, None, None)


def test_an_interrupted_turn_goes_on_where_it_was(asked: Any, benches: Benches, tmp_path: Path) -> None:
    given = files(tmp_path / "given", FAST, BROKEN)
    with pytest.raises(ModelExhausted):
        asked(given)
    files(tmp_path / "given", FAST, BROKEN, BACK, FAST)
    result = asked(given)
    assert [each.valid for each in result.answers] == [True, True, True]
    assert len(result.served) == 4
    assert [calls for calls, _ in asked.plans] == [6, 4]
    assert asked(given) == result
    assert len(asked.plans) == 2
    assert benches.read(result.name) == result


def test_a_server_is_asked_each_prompt_once_and_what_it_took_is_counted(
    asked: Any, benches: Benches, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    server = ChatServer()
    try:
        server.default = lambda _: Reply(body=answer(FAST.format(weight=2)))
        url = server.url
        result = asked("openai:some-model", samples=2, base_url=url)
        assert (len(server.seen), result.tokens, result.unpriced) == (2, 36, 2)
        assert result.served == ("served-model",)
        again = asked("openai:some-model", samples=2, base_url=url, again=True)
        assert len(server.seen) == 4
        assert again.name != result.name
        with pytest.raises(ModelExhausted, match="tokens used or asked for"):
            asked("openai:other", samples=2, base_url=url, stop=StopSpec(tokens=100))
        with pytest.raises(UsageError, match="prices of openai:other are not known"):
            asked("openai:other", samples=2, base_url=url, stop=StopSpec(dollars=1.0))
        assert len(server.seen) == 4
    finally:
        server.close()
    assert KEY not in "".join(file.read_text() for file in benches.folder.rglob("*.json"))
    report = benches.report(again)
    assert report.against == result.name
    assert [each.what for each in report.differences] == ["valid", "valid at once", "repairs", "alignment"]
    assert "against" not in text(report)
    assert result.name in text(report)


def test_the_offline_author_writes_what_gets_through(asked: Any, benches: Benches) -> None:
    result = asked("offline", samples=2)
    assert [each.valid for each in result.answers] == [True, True]
    assert (result.tokens, result.dollars) == (0, 0.0)
    with pytest.raises(UnknownName, match="result"):
        benches.report(result, "none")


@pytest.mark.slow
def test_valid_answers_are_trained_once(asked: Any, benches: Benches, tmp_path: Path) -> None:
    given = files(tmp_path / "given", FAST, BROKEN, BROKEN)
    result = asked(given, samples=2, steps=1000)
    first, second = result.answers
    assert first.score is not None
    assert second.score is None
    attempts = sorted((benches.folder / result.name / "trainings").iterdir())
    assert [each.name for each in attempts] == ["hopper-s00"]
    assert asked(given, samples=2) == result


def result_of(name: str, *held: bool, number: int = 1) -> BenchResult:
    answers = tuple(Answer(task="ant", sample=i, valid=good, repairs=0) for i, good in enumerate(held))
    suite = SUITE.model_copy(update={"number": number})
    return BenchResult(
        name=name, suite=suite, model="m", samples=1, answers=answers, tokens=0, dollars=0.0, unpriced=0,
        made_with="1", ended="2026-01-01T00:00:00+00:00",
    )  # fmt: skip


def test_the_intervals_are_those_of_the_literature() -> None:
    """Newcombe 1998, table II: 56 of 70 against 48 of 80."""
    ours, theirs = (result_of("x", *[True] * n, *[False] * (of - n)) for n, of in ((56, 70), (48, 80)))
    found = next(iter(differences(ours, theirs)))
    assert found.low == pytest.approx(0.0524, abs=1e-4)
    assert found.high == pytest.approx(0.3339, abs=1e-4)
    none = share([False] * 10)
    assert (none.low, none.high) == (0.0, pytest.approx(0.2775, abs=1e-4))


def test_results_of_different_suites_are_not_compared() -> None:
    assert not list(differences(result_of("a", True), result_of("b", True, number=2)))
