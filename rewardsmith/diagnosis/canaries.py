"""Canaries for attacks: a secret in a file, somebody who listens, another process with a key. All gone at the end."""

from __future__ import annotations

import contextlib
import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rewardsmith.domain.check import Canaries
from rewardsmith.domain.machine import AttackCheck
from rewardsmith.reward.attacks import CONNECT, DONE, READ, SPY, WRITE

_HOLDS_ITS_KEY = "import sys; sys.stdin.read()"


@dataclass(frozen=True)
class Planted:
    """Canaries, and what their owner sees of them; the attacker is believed only where he confesses."""

    canaries: Canaries
    _secret: str
    _server: socket.socket

    def verdicts(self, place: str, outcomes: Mapping[str, str], *, needed: bool) -> list[AttackCheck]:
        """Whether each attack was stopped.

        Args:
            place: Where the attacker was.
            outcomes: What he tells; see `rewardsmith.reward.attacks.attempt`.
            needed: Whether `evolve` promises that they are stopped there.
        """
        reached = {attack for attack, outcome in outcomes.items() if self._succeeded(attack, outcome)}
        if Path(self.canaries.file + ".written").exists():
            reached.add(WRITE)
        with contextlib.suppress(BlockingIOError):
            self._server.accept()[0].close()
            reached.add(CONNECT)
        return [
            AttackCheck(
                place=place,
                attack=attack,
                stopped=attack not in reached,
                needed=needed,
                detail="" if attack in reached else outcome,
            )
            for attack, outcome in outcomes.items()
        ]

    def _succeeded(self, attack: str, outcome: str) -> bool:
        """Booty counts if it is the secret: another file of that name may be there."""
        return outcome == f"{DONE}: {self._secret}" if attack in (READ, SPY) else outcome.startswith(DONE)


@contextlib.contextmanager
def planted() -> Iterator[Planted]:
    """Put canaries out, for one attacker."""
    secret, variable = secrets.token_hex(8), f"CANARY_{secrets.token_hex(4)}"
    with contextlib.ExitStack() as stack:
        file = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rewardsmith-canary-"))) / "key"
        file.write_text(secret)
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        server.setblocking(False)
        holder = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _HOLDS_ITS_KEY], env={variable: secret}, stdin=subprocess.PIPE
        )
        stack.enter_context(holder)  # its end: standard input is closed, and it is waited for
        port = server.getsockname()[1]
        yield Planted(Canaries(file=str(file), port=port, variable=variable), secret, server)
