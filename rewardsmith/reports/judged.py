"""What the archive said about the candidates, and how well it foretold their scores."""

from __future__ import annotations

from rewardsmith.domain.judgement import Calibration, Judgement
from rewardsmith.domain.result import RunResult
from rewardsmith.domain.run import Run
from rewardsmith.reports.words import ABSENT, counted, score, table

ASKED = (
    "Before training, each reward was asked what it pays the episodes that the run had recorded, and the order by "
    "pay was compared with the order by score (weighted rank correlation). Paid idle: how far an idle agent gets from "
    "what random actions are paid (0 %) to what the best episodes are paid (100 %)."
)
JUDGED = ["candidate", "correlation", "paid idle", "score", "verdict"]


def verdict(judgement: Judgement) -> str:
    """A judgement in a line."""
    if judgement.without:
        return f"no judgement: {judgement.without}"
    if judgement.doubt is not None:
        return f"in doubt: {judgement.doubt.message}"
    return f"ranks {judgement.episodes} recorded episodes as the score does at {_signed(judgement.correlation)}"


def archive_section(run: Run, result: RunResult) -> str:
    """The calibration, and a line for each candidate that was judged; empty where the archive was not asked."""
    if result.archive is None:
        return ""
    lines = [
        "## The archive as a judge",
        "",
        ASKED,
        "",
        *(f"- {sentence}" for sentence in worth(result.archive)),
    ]
    if rows := judged_rows(run):
        lines += ["", table(JUDGED, rows, markdown=True)]
    return "\n".join(lines)


def judged_rows(run: Run) -> list[list[str]]:
    """A row for each candidate that was judged, under the names in `JUDGED`."""
    return [
        [turn.candidate.id, _signed(judgement.correlation), _share(judgement.idle), score(turn.score), _why(judgement)]
        for turn in run.turns()
        if (judgement := turn.candidate.judgement) is not None and not judgement.without
    ]


def worth(found: Calibration) -> list[str]:
    """How well the archive foretold the scores, a sentence each."""
    lines = [f"judged: {counted(found.judged, 'candidate')}; no judgement of {found.without}"]
    if found.correlation is None:
        lines.append("how well it foretold the scores: unknown, as no two judged candidates of one generation differ")
    else:
        right = (1 + found.correlation) / 2
        lines.append(
            f"how well it foretold the scores: of two candidates of one generation the one that ranks better scored "
            f"higher in {right:.0%} of {counted(found.pairs, 'pair')} (50 % is chance; rank correlation "
            f"{found.correlation:+.2f}, {counted(found.trained, 'candidate')})"
        )
    doubted = f"in doubt and trained last: {found.doubtful}"
    if found.doubtful_trained:
        doubted += (
            f"; {found.doubtful_better} of the {found.doubtful_trained} with a score in the better half after all"
        )
    lines.append(f"{doubted}; repaired with its evidence: {found.repaired}")
    if found.unread:
        lines.append(
            f"left out: {counted(found.unread, 'archive')}, damaged or recorded with another version of the task"
        )
    return lines


def _why(judgement: Judgement) -> str:
    """Which of the bounds that the run had learnt it lies beyond."""
    if not judgement.doubtful:
        return ""
    low, high, beyond = judgement.threshold, judgement.idle_threshold, []
    if low is not None and judgement.correlation is not None and judgement.correlation < low:
        beyond.append(f"ranks below {_signed(low)}")
    if high is not None and judgement.idle is not None and judgement.idle > high:
        beyond.append(f"paid idle above {_share(high)}")
    return "in doubt" + (": " + ", ".join(beyond) if beyond else "")


def _share(value: float | None) -> str:
    return ABSENT if value is None else f"{value:.0%}"


def _signed(value: float | None) -> str:
    return ABSENT if value is None else f"{value:+.2f}"
