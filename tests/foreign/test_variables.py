from __future__ import annotations

from rewardsmith.sandboxes.child import clean_environment


def test_isaac_finds_its_extensions_and_its_licence_but_no_key() -> None:
    given = {"TORCH_EXTENSIONS_DIR": "/opt/x", "OMNI_KIT_ACCEPT_EULA": "YES", "OPENAI_API_KEY": "secret"}
    kept = clean_environment(given, home="/tmp")
    assert (kept["TORCH_EXTENSIONS_DIR"], kept["OMNI_KIT_ACCEPT_EULA"]) == ("/opt/x", "YES")
    assert "secret" not in kept.values()
