"""What the kernel does with a filter of system calls."""

from __future__ import annotations

import re
from pathlib import Path


def numbers(machine: str) -> dict[str, int]:
    """Every call of a machine by name, from a list that is not ours (`call_numbers.txt`)."""
    text = Path(__file__).with_name("call_numbers.txt").read_text().partition(f"[{machine}]")[2].partition("[")[0]
    return {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", text)}


def run_filter(program: list[tuple[int, int, int, int]], arch: int, number: int, arguments: list[int]) -> int:
    """A classic BPF interpreter for the few steps that the filters use."""
    words = {0: number, 4: arch, **{16 + 8 * i: a & 0xFFFFFFFF for i, a in enumerate(arguments)}}
    at = value = 0
    for _ in range(10_000):
        code, yes, no, operand = program[at]
        at += 1
        if code == 0x20:
            value = words[operand]
        elif code == 0x15:
            at += yes if value == operand else no
        elif code == 0x35:
            at += yes if value >= operand else no
        elif code == 0x45:
            at += yes if value & operand else no
        elif code == 0x06:
            return operand
        else:
            raise AssertionError(code)
    raise AssertionError("no end")
