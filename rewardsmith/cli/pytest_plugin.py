"""The pytest plugin: `pytest --rewards rewards/` makes each kept reward and tier a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from rewardsmith.domain.regression import CheckResult, Tier

_TIERS: tuple[Tier, ...] = ("static", "replay", "ranking", "exploit")
_TRAINED: tuple[Tier, ...] = ("smoke", "full")
_LOCK = ".lock.json"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--rewards` and what goes with it."""
    group = parser.getgroup("rewardsmith", "kept rewards")
    group.addoption("--rewards", action="append", default=[], metavar="PATH", help="Kept rewards: a file or a folder.")
    group.addoption("--rewards-runs-dir", default="runs", metavar="DIR", help="Where surveys are kept.")
    group.addoption(
        "--rewards-tier",
        action="append",
        default=[],
        choices=[*_TIERS, *_TRAINED],
        help="A tier; may stand several times; default: those that train nothing.",
    )
    group.addoption("--rewards-seeds", type=int, default=3, metavar="N", help="Trainings of the tier full.")


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and collect what `--rewards` names beside what else is named, if anything."""
    config.addinivalue_line("markers", "reward: a tier of a kept reward (rewardsmith)")
    for tier in (*_TIERS, *_TRAINED):
        config.addinivalue_line("markers", f"reward_{tier}: the tier {tier} of a kept reward (rewardsmith)")
    if wanted := config.getoption("--rewards"):
        named = config.args_source is pytest.Config.ArgsSource.ARGS
        config.args = [*(config.args if named else []), *wanted]


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A file with a lock beside it, below what `--rewards` names."""
    if file_path.suffix != ".py" or not file_path.with_suffix(_LOCK).exists():
        return None
    wanted = [Path(place).resolve() for place in parent.config.getoption("--rewards")]
    if not any(file_path == place or place in file_path.parents for place in wanted):
        return None
    return KeptFile.from_parent(parent, path=file_path)


class KeptFile(pytest.File):
    """One kept reward; all of its tiers that train nothing are checked at once, when the first is asked for."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._results: dict[tuple[Tier, ...], CheckResult] = {}

    @property
    def tiers(self) -> list[Tier]:
        """Those that are wanted."""
        wanted = self.config.getoption("--rewards-tier") or _TIERS
        return [tier for tier in (*_TIERS, *_TRAINED) if tier in wanted]

    def collect(self) -> Iterator[pytest.Item]:
        """An item for each tier."""
        for tier in self.tiers:
            item = KeptTier.from_parent(self, name=tier)
            item.add_marker("reward")
            item.add_marker(f"reward_{tier}")
            yield item

    def result(self, tier: Tier) -> CheckResult:
        """What the check of a tier, and of those that cost no more, found. Raises RewardsmithError."""
        asked = (tier,) if tier in _TRAINED else tuple(each for each in self.tiers if each in _TIERS)
        if asked not in self._results:
            from rewardsmith.app import Settings, Workshop
            from rewardsmith.checking.kept import read_kept
            from rewardsmith.domain.regression import Trials

            trials = Trials(seeds=self.config.getoption("--rewards-seeds"))
            with closing(Workshop(Settings(runs=Path(self.config.getoption("--rewards-runs-dir"))))) as workshop:
                self._results[asked] = workshop.keeper.check(read_kept(self.path), asked, trials=trials)
        return self._results[asked]


class KeptTier(pytest.Item):
    """One tier of a kept reward."""

    def runtest(self) -> None:
        """Fail where the tier regressed or cannot tell, skip where it was skipped; a machine in trouble is an error."""
        tier = next(tier for tier in self._checked().tiers if tier.tier == self.name)
        if tier.verdict == "skipped":
            pytest.skip(tier.reason)
        if tier.verdict != "passed":
            raise Regressed(self.name)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The findings, and what has changed, in place of a traceback."""
        from rewardsmith.checking.formats import text

        if isinstance(excinfo.value, Regressed):
            return text([self._checked()])
        return super().repr_failure(excinfo, style)

    def _checked(self) -> CheckResult:
        assert isinstance(self.parent, KeptFile)
        return self.parent.result(next(tier for tier in self.parent.tiers if tier == self.name))

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where it is."""
        return self.path, None, f"{self.path.name} {self.name}"


class Regressed(Exception):
    """A tier found that a reward is not what it was, or could not tell."""
