from rewardsmith.domain.events import Completed, GenerationEnded, StatusChanged
from rewardsmith.domain.plan import StopSpec
from rewardsmith.domain.prompt import CompletionKey
from rewardsmith.search.stoppers import first_reason, stoppers


def _reason(run, exists=lambda path: False, **stop):
    return first_reason(stoppers(StopSpec(**stop), exists=exists), run)


def test_nothing_asked_nothing_stops(story):
    told = story()
    told.candidate(1, 0, 9.0)
    assert _reason(told.run) is None


def test_dollars(story):
    told = story()
    key = CompletionKey(generation=1, role="designer", slot=0)
    told.tell(Completed(key=key, model="m", prompt_hash="h", tokens=10, dollars=0.75))
    assert _reason(told.run, dollars=0.80) is None
    assert "$0.75" in _reason(told.run, dollars=0.75)


def test_target(story):
    told = story()
    told.candidate(1, 0, 1.0)
    assert _reason(told.run, target=1.5) is None
    assert "g1c00" in _reason(told.run, target=1.0)


def test_wall_time_counts_only_the_time_in_which_the_run_was_driven(story):
    told = story()
    told.tell(StatusChanged(status="running"), after=0)
    told.tell(StatusChanged(status="paused"), after=10)
    told.tell(StatusChanged(status="running"), after=5000)
    told.tell(StatusChanged(status="paused"), after=10)
    assert told.run.wall_s == 20
    assert _reason(told.run, wall_s=21) is None
    assert _reason(told.run, wall_s=20)


def test_no_improvement(story):
    told = story()
    for generation, overall in [(1, "g1c00"), (2, "g2c00"), (3, "g2c00")]:
        told.tell(GenerationEnded(generation=generation, best=overall, best_overall=overall))
    assert _reason(told.run, stale=2) is None
    assert "g2c00" in _reason(told.run, stale=1)


def test_stop_file(story):
    told = story()
    assert _reason(told.run, file="stop") is None
    assert "stop" in _reason(told.run, exists=lambda path: path == "stop", file="stop")
