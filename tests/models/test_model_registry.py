from __future__ import annotations

import importlib.util
import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from rewardsmith.errors import MissingExtra, UnknownName, UsageError
from rewardsmith.models import registry
from rewardsmith.models.model import price
from rewardsmith.models.registry import GROUP, Settings, default_model, known_models, open_model


class Parrot:
    name = "parrot"

    def __init__(self, argument, settings):
        self.argument, self.settings = argument, settings


def plug(monkeypatch, **points):
    found = [EntryPoint(name, value, GROUP) for name, value in points.items()]
    monkeypatch.setattr(registry, "entry_points", lambda group: found if group == GROUP else [])


@pytest.fixture
def parrot(monkeypatch):
    monkeypatch.setitem(sys.modules, "parrot_plugin", sys.modules[__name__])
    plug(monkeypatch, parrot="parrot_plugin:Parrot", broken="no_such_module:thing")


def test_the_default_needs_no_key():
    assert default_model() == "offline"
    assert open_model(default_model(), seed=3, environ={}).name == "offline"


def test_built_ins_are_known():
    assert {"offline", "openai", "litellm", "recorded", "folder"} <= set(known_models())


@pytest.mark.parametrize(
    ("name", "near"), [("ofline", "offline"), ("open-ai:gpt-5", "openai"), ("folders:x", "folder")]
)
def test_near_misses_are_told(name, near):
    with pytest.raises(UnknownName) as caught:
        open_model(name, seed=0)
    assert near in caught.value.near or near in caught.value.hint


@pytest.mark.parametrize("name", ["gpt-5", "gpt-4o-mini", "o3", "claude-sonnet-4-5", "gemini-2.5-pro", "llama3:8b"])
def test_a_bare_language_model_gets_a_hint_who_may_serve_it(name):
    with pytest.raises(UnknownName) as caught:
        open_model(name, seed=0)
    assert f"openai:{name}" in caught.value.hint
    assert f"litellm:PROVIDER/{name}" in caught.value.hint


def test_a_provider_and_model_gets_a_hint_at_litellm():
    with pytest.raises(UnknownName) as caught:
        open_model("anthropic/claude-sonnet-4-5", seed=0)
    assert "litellm:anthropic/claude-sonnet-4-5" in caught.value.hint


@pytest.mark.parametrize("kind", ["openai", "litellm"])
def test_a_provider_needs_the_name_of_a_model(kind):
    with pytest.raises(UsageError, match="name of a model"):
        open_model(f"{kind}:", seed=0)


def test_offline_takes_no_argument():
    with pytest.raises(UsageError, match="no argument"):
        open_model("offline:gpt", seed=0)


@pytest.mark.parametrize("kind", ["openai", "litellm"])
def test_a_missing_package_gives_the_pip_line(monkeypatch, kind):
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == kind else real(name))
    with pytest.raises(MissingExtra) as caught:
        open_model(f"{kind}:x/y", seed=0, environ={"OPENAI_API_KEY": "k"})
    assert f"pip install 'rewardsmith[{kind}]'" in caught.value.hint


def test_a_plug_in_is_opened_with_its_argument_and_the_settings(parrot):
    model = open_model("parrot:a:b", seed=7, dealt=["x"], environ={"A": "B"})
    assert model.argument == "a:b"
    assert isinstance(model.settings, Settings)
    assert (model.settings.seed, model.settings.dealt, model.settings.environ) == (7, {"x"}, {"A": "B"})
    assert "parrot" in known_models()


def test_a_broken_plug_in_hurts_only_who_asks_for_it(parrot):
    assert open_model("parrot:", seed=0)
    with pytest.raises(UsageError, match="no_such_module:thing") as caught:
        open_model("broken", seed=0)
    assert "uninstall" in caught.value.hint


def test_a_plug_in_may_not_replace_a_built_in(monkeypatch, tmp_path):
    plug(monkeypatch, folder="parrot_plugin:Parrot")
    with pytest.warns(UserWarning, match="may not replace"):
        assert "folder" in known_models()
    (tmp_path / "1.md").write_text("x")
    assert type(open_model(f"folder:{tmp_path}", seed=0)).__name__ == "FolderModel"


def test_settings_do_not_show_keys():
    assert "sk-secret" not in repr(Settings(seed=0, environ={"OPENAI_API_KEY": "sk-secret"}))


def test_providers_are_imported_only_when_used(tmp_path):
    (tmp_path / "1.md").write_text("x")
    code = (
        "import sys; from rewardsmith.models.registry import open_model; "
        f"open_model('folder:{tmp_path}', seed=0); "
        "sys.exit(any(name in sys.modules for name in ('openai', 'litellm', 'httpx')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_prices_of_what_costs_nothing_are_known_and_those_of_a_silent_plug_in_are_not(tmp_path, parrot):
    (tmp_path / "1.md").write_text("text")
    assert price(open_model("offline", seed=0), 1, 1) is not None
    assert price(open_model(f"folder:{tmp_path}", seed=0), 1, 1) is not None
    assert price(open_model(f"folder:{tmp_path}", seed=0, record=str(tmp_path / "out")), 1, 1) is not None
    assert price(open_model("parrot", seed=0), 1, 1) is None
    assert price(open_model("parrot", seed=0, record=str(tmp_path / "out")), 1, 1) is None
