"""What an answer is written as, and how it becomes a reward of the contract."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rewardsmith.domain.prompt import Completion
from rewardsmith.domain.recipe import Form
from rewardsmith.prompting.extraction import find_code

_FORMS: Mapping[Form, Callable[[Completion], str]] = {
    "function": lambda completion: find_code(completion.text, finish_reason=completion.finish_reason),
}


def source_of(form: Form, completion: Completion) -> str:
    """The source of the reward that a completion comes to.

    Raises:
        RewardRejected: There is no code in it, or none of this form.
    """
    return _FORMS[form](completion)
