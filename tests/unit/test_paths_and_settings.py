"""Where things lie, and what the user's settings file may say."""

from __future__ import annotations

import os
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
        ("iterations: 0", ["iterations", "from 1 to 1,000, got 0"]),
        (
            "plannner: bundled",
            ["no setting 'plannner'; did you mean 'planner'?", "The settings are"],
        ),
        (
            "planner_options: {contxt: 1}",
            ["planner_options: there is no setting 'contxt'", "thinking_"],
        ),
        ("coder_options: {context: 1}", ["coder_options.context", "Tokens that prompt"]),
        ("- a list", ["the file", "a list of 1"]),
        ("{unclosed", ["line 1: ", "bracket"]),
        ("\x00", ["line 1: ", "U+0000"]),
        ("patience: 2\nseed: 010", ["line 2: 010 begins with a zero"]),
        ("seed: true", ["seed: expected a whole number from 0 to 2,147,483,647, got true"]),
        ("mouse: 1", ["mouse: expected true or false, got 1"]),
        ("seed: 1\nseed: 2", ["line 2: 'seed' is given twice"]),
        ("iterations: 2024-02-30", ["iterations: expected a whole number", "got '2024-02-30'"]),
        ("patience: 3\nseed: 0b_", ["line 2: seed: expected a whole number", "got '0b_'"]),
        ("seed: !!int x", ["line 1: a tag (!!int)"]),
        ("keys: &k {a: *k}", ["line 1: *k repeats a value inside itself"]),
        ("model_folders: x", ["model_folders: expected a list of values, each a path", "Default: []."]),
        ("keys: x", ["keys: expected a mapping", "Default: {}."]),
        ("planner_options: 4", ["planner_options: expected a mapping", "Default: {}."]),
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


def test_a_settings_file_that_is_no_text_file_is_said_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "binary").write_bytes(b"a: \xff")
    for file in (tmp_path, tmp_path / "pipe", tmp_path / "binary"):
        with pytest.raises(UsageError, match=file.name):
            settings.load(file)
    assert settings.load(Path(os.devnull)) == Settings()


def test_words_for_yes_and_no_and_the_home_folder_are_understood(tmp_path: Path, home: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(
        "mouse: no\ndata_dir: ~/d\nmodel_folders: [~/m, ~nosuchuser/m]\n"
        "planner_options: {flash_attention: on, memory_check: off, chat_template: ~/t.jinja}\n"
    )
    read = settings.load(file)
    assert (read.mouse, read.data_dir) == (False, home / "d")
    assert read.model_folders == [home / "m", Path("~nosuchuser/m")]
    options = read.planner_options
    assert (options.flash_attention, options.memory_check, options.chat_template) == (
        "on", False, home / "t.jinja",
    )  # fmt: skip


def test_every_setting_says_what_it_is() -> None:
    assert all(field.description for field in Settings.model_fields.values())
