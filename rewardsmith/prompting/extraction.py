"""From a completion to the source of a reward. The text is only read, never run."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from rewardsmith.domain.report import Failure, FailureKind
from rewardsmith.reward.source import RewardRejected
from rewardsmith.syntax import syntax_tree

MOST_CHARACTERS = 65_536
"""Code beyond this is refused unread."""

_OPEN = re.compile(r"[ \t]*(?P<fence>`{3,}+|~{3,}+)[^`]*")
_DEFINES = re.compile(r"^[ \t]*def[ \t]+\w+", re.MULTILINE)
_CODE_STARTS = re.compile(r"(?:import \w|from \w+ import\b|def \w+[ \t]*\(|@\w|[A-Z][A-Z0-9_]*[ \t]*=)")
_THOUGHT = re.compile(r"<(think|thinking|reasoning)>", re.IGNORECASE)


@dataclass(frozen=True)
class _Block:
    code: str
    closed: bool


def spoken(text: str) -> str:
    """An answer without what its model thought aloud, with plain ends of lines."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    kept, end, endless = list[str](), 0, set[str]()
    for thought in _THOUGHT.finditer(text):
        tag = thought[1].lower()
        if thought.start() < end or tag in endless:
            continue
        closing = re.compile(f"</{tag}>", re.IGNORECASE).search(text, thought.end())
        if closing is None:
            endless.add(tag)
            continue
        kept.append(text[end : thought.start()])
        end = closing.end()
    return "".join([*kept, text[end:]])


def find_code(text: str, *, finish_reason: str = "stop", defines: Sequence[str] = ("compute_reward",)) -> str:
    """The source of the reward in a completion.

    Of several fenced blocks the last one that defines all of `defines` counts, since drafts come first; without any,
    the last one that defines a function at all, so that the contract can say what is wrong with its name. Fences may
    carry any tag or none; an answer that is nothing but code needs no fence.

    Args:
        text: The completion.
        finish_reason: Why the model ended; `length` when it was cut off.
        defines: Names of the functions that are asked for.

    Raises:
        RewardRejected: At gate `parse`: `no_code`, `truncated` or `too_large`.
    """
    text = spoken(text)
    blocks = _blocks(text)
    for wanted in ([_defining(name) for name in defines], [_DEFINES]):
        for block in reversed(blocks):
            if not all(each.search(block.code) for each in wanted):
                continue
            if not block.closed:
                raise _truncated()
            return _capped(block.code)
    if bare := _bare(text):
        if finish_reason == "length" and not _parses(bare):
            raise _truncated()
        return _capped(bare)
    if finish_reason == "length" or (blocks and not blocks[-1].closed):
        raise _truncated()
    raise _rejected(
        "no_code",
        "There is no Python function in the answer. Answer with one fenced Python block that defines "
        f"{' and '.join(defines)}.",
    )


def find_calls(text: str, names: Sequence[str], *, finish_reason: str = "stop") -> str:
    """A program of calls in a completion: the last fenced block with one, or the lines with one where no fence is.

    Args:
        text: The completion.
        names: What a call's name begins with.
        finish_reason: Why the model ended; `length` when it was cut off.

    Raises:
        RewardRejected: At gate `parse`: `no_code`, `truncated` or `too_large`.
    """
    text = spoken(text)
    call = re.compile(rf"^[ \t]*(?:{'|'.join(names)})\w*[ \t]*\(.*", re.MULTILINE)
    blocks = _blocks(text)
    found = next((block for block in reversed(blocks) if call.search(block.code)), None)
    if found is not None and found.closed:
        return _capped(found.code)
    if found is not None or finish_reason == "length" or (blocks and not blocks[-1].closed):
        raise _truncated()
    if not blocks and (lines := call.findall(text)):
        return _capped(_code(lines))
    calls = " or ".join(f"{name}...(...)" if name.endswith("_") else f"{name}()" for name in names)
    raise _rejected("no_code", f"There is no program in the answer. Answer with one fenced block of calls: {calls}.")


def _defining(name: str) -> re.Pattern[str]:
    return re.compile(rf"^[ \t]*(?:def[ \t]+{name}\b|{name}[ \t]*=)", re.MULTILINE)


def _blocks(text: str) -> list[_Block]:
    """Fenced blocks in order; the last one may be open."""
    blocks: list[_Block] = []
    lines: list[str] = []
    fence = ""
    for line in text.split("\n"):
        if not fence:
            if opening := _OPEN.fullmatch(line):
                fence, lines = opening["fence"], []
        elif (bare := line.strip()) and len(bare) >= len(fence) and set(bare) == {fence[0]}:
            blocks.append(_Block(_code(lines), closed=True))
            fence = ""
        else:
            lines.append(line)
    if fence:
        blocks.append(_Block(_code(lines), closed=False))
    return blocks


def _code(lines: list[str]) -> str:
    return textwrap.dedent("\n".join(lines)).strip("\n") + "\n"


def _bare(text: str) -> str | None:
    """Code without any fence: from its first line to the prose that follows it, or to the end."""
    lines = [] if "```" in text or "~~~" in text else text.split("\n")
    start = next((i for i, line in enumerate(lines) if _CODE_STARTS.match(line)), None)
    if start is None or not _DEFINES.search("\n".join(lines[start:])):
        return None
    whole = code = lines[start:]
    if len("\n".join(whole)) > MOST_CHARACTERS:
        return "\n".join(whole)
    while (fault := _fault(_code(code))) is not None:
        prose = code[fault - 1 : fault]
        if not prose or not prose[0][:1].strip():
            return _code(whole)
        code = code[: fault - 1]
    return _code(code) if _DEFINES.search(_code(code)) else _code(whole)


def _parses(code: str) -> bool:
    return _fault(code) is None


def _fault(code: str) -> int | None:
    """Line of the first syntax error; None when the code parses."""
    try:
        syntax_tree(code)
    except SyntaxError as fault:
        return max(fault.lineno or 1, 1)
    except (ValueError, RecursionError, MemoryError):
        return 1
    return None


def _capped(code: str) -> str:
    if len(code) > MOST_CHARACTERS:
        message = (
            f"The code is {len(code)} characters long; at most {MOST_CHARACTERS} are read. Write a shorter reward."
        )
        raise _rejected("too_large", message)
    return code


def _truncated() -> RewardRejected:
    message = "The answer broke off in mid-code. Write less text before the code and close the fenced block."
    return _rejected("truncated", message)


def _rejected(kind: FailureKind, message: str) -> RewardRejected:
    return RewardRejected(Failure(gate="parse", kind=kind, message=message))
