"""A vision model that stands in for the person: pictures of what is watched go to it as images."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from rewardsmith.domain.prompt import CompletionKey
from rewardsmith.domain.recipe import Recipe
from rewardsmith.domain.watching import Impression
from rewardsmith.prompting.answers import CALLS, prose
from rewardsmith.prompting.seeing import Seen, compose_watch, compose_watch_again, read_impression
from rewardsmith.search.asking import Asking
from rewardsmith.search.watching import Showing


@dataclass(frozen=True)
class SeeingModel:
    """Watches by the stills of each film; see `Watcher`."""

    who: str
    recipe: Recipe
    asking: Asking

    async def watch(self, showing: Showing) -> Impression:
        """Ask, once more where the answer holds no impression; then what it says is taken as what was seen."""
        seen = []
        for shown in showing.shown:
            if shown.footage is None:
                assert shown.fault is not None
                raise shown.fault
            pictures = tuple(base64.b64encode(still).decode() for still in shown.footage.stills())
            seen.append(Seen(shown.turn, pictures, shown.footage.film.times))
        messages = compose_watch(self.recipe, showing.context, seen)
        text = ""
        for call in range(CALLS):
            key = CompletionKey(generation=showing.generation, role="watcher", slot=0, call=call)
            request = self.asking.request(key, messages, showing.context)
            text = (await self.asking.ask(request, await self.asking.stored(request))).text
            if found := read_impression(text):
                return found
            messages = compose_watch_again(messages, text)
        return Impression(saw=prose(text))
