"""Where things lie, and what the user's settings file may say."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from mlagent_tui import paths, settings
from mlagent_tui.errors import UsageError
from mlagent_tui.settings import Settings


def test_places_follow_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert paths.settings_file() == tmp_path / "mlagent" / "settings.yaml"
    monkeypatch.setenv("MLAGENT_CONFIG", str(tmp_path / "mine.yaml"))
    monkeypatch.setenv("MLAGENT_DATA", str(tmp_path / "data"))
    assert paths.settings_file() == tmp_path / "mine.yaml"
    assert paths.data_folder() == tmp_path / "data"


def test_without_the_environment_places_are_under_the_home(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name)
    assert paths.settings_file() == home / ".config/mlagent/settings.yaml"
    assert paths.data_folder() == home / ".local/share/mlagent/data"
    assert paths.cache_folder() == home / ".cache/mlagent"
    assert paths.log_folder() == home / ".local/state/mlagent/log"


def test_the_bundled_model_is_named_like_a_file_of_the_package_or_the_checkout() -> None:
    assert paths.bundled_model().name == "minnow.gguf"
    assert paths.bundled_model().parent.name == "models"


def test_the_layout_agrees_with_the_relative_places(tmp_path: Path) -> None:
    layout = paths.Layout(tmp_path)
    assert not layout.is_project()
    assert layout.run("qe_1") == tmp_path / "experiments/qe_1"
    for place, relative in (
        (layout.registry, paths.REGISTRY),
        (layout.journal, paths.JOURNAL),
        (layout.report, paths.REPORT),
        (layout.current_model, paths.CURRENT_MODEL),
        (layout.current_config, paths.CURRENT_CONFIG),
    ):
        assert place == tmp_path / relative


def test_no_settings_file_means_the_defaults(tmp_path: Path) -> None:
    assert settings.load() == Settings()
    (tmp_path / "empty.yaml").touch()
    assert settings.load(tmp_path / "empty.yaml") == Settings()


def test_settings_are_read_from_the_file_that_the_environment_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "settings.yaml"
    wanted = Settings(planner="/models/big.gguf", sandbox="required", iterations=3, bash_run="never")
    file.write_text(yaml.safe_dump(wanted.model_dump(mode="json")))
    monkeypatch.setenv("MLAGENT_CONFIG", str(file))
    assert settings.load() == wanted


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sandbox: maybe", ["sandbox", "required", "Default: auto"]),
        ("iterations: 0", ["iterations", "greater than or equal to 1"]),
        ("plannner: bundled", ["plannner", "The settings are", "patience"]),
        ("planner_options: {contxt: 1}", ["planner_options.contxt", "The options are", "thinking_budget"]),
        ("coder_options: {context: 1}", ["coder_options.context", "Tokens that prompt"]),
        ("- a list", ["the file"]),
        ("{unclosed", ["cannot read"]),
        ("\x00", ["cannot read"]),
    ],
)
def test_a_wrong_settings_file_names_the_file_the_key_and_the_remedy(
    tmp_path: Path, text: str, words: list[str]
) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        settings.load(file)
    for word in [str(file), *words]:
        assert word in str(caught.value)


def test_every_setting_says_what_it_is() -> None:
    assert all(field.description for field in Settings.model_fields.values())
