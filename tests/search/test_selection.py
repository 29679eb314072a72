from rewardsmith.search.selection import (
    baseline_seeds,
    best,
    compare_seeds,
    confirm_seeds,
    leaders,
    ranked,
    search_seed,
)


def _ids(turns):
    return [turn.candidate.id for turn in turns]


def test_higher_scores_come_first_and_ties_go_to_the_earlier_place(story):
    told = story()
    for generation, slot, score in [(1, 0, 1.0), (1, 1, None), (2, 0, 3.0), (2, 1, 1.0)]:
        told.candidate(generation, slot, score)
    assert _ids(ranked(told.run.turns())) == ["g2c00", "g1c00", "g2c01"]
    assert best(told.run.turns()).candidate.id == "g2c00"


def test_negative_scores_can_win(story):
    told = story()
    told.candidate(1, 0, -5.0)
    told.candidate(1, 1, -2.0)
    assert best(told.run.turns()).candidate.id == "g1c01"


def test_a_failed_candidate_is_never_best_even_beside_negative_scores(story):
    told = story()
    told.candidate(1, 0, None)
    assert best(told.run.turns()) is None
    told.candidate(1, 1, -100.0)
    assert best(told.run.turns()).candidate.id == "g1c01"


def test_a_duplicate_leads_nothing(story):
    told = story()
    told.candidate(1, 0, 2.0)
    told.candidate(1, 1, None, twin="g1c00")
    assert _ids(leaders(told.run.turns(), 5)) == ["g1c00"]


def test_no_seed_serves_two_purposes_and_baselines_are_paired_with_the_confirmation(story):
    for seed in (0, 1, 7):
        spec = story(seed=seed).spec
        fresh = [*compare_seeds(spec), *confirm_seeds(spec)]
        assert len({search_seed(spec), *fresh}) == len(fresh) + 1
        assert set(baseline_seeds(spec)) <= set(confirm_seeds(spec))
