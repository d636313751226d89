"""Every place on disk: the package's own files, the user's folders, and how a project folder is laid out.

Nothing here opens or creates a file.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

NO_HOME = Path("/nonexistent")
"""What stands for the home folder of a user who has none, as in Debian's list of users."""

CHECKOUT = (".ci", ".git", ".venv", "docs", "mlagent_tui", "models", "requirements", "scripts", "tests")
"""The folders of a checkout that belong to mlagent itself."""

CURRENT_MODEL = "src/models/current_model.py"
CURRENT_CONFIG = "configs/models/current_model_config.yaml"
EXPERIMENTS = "experiments"
REGISTRY = "experiments/registry.json"
JOURNAL = "experiments/journal.jsonl"
REPORT = "experiments/report.md"
CURVES = "experiments/curves.png"
LOCK = "experiments/.lock"
SOCKET = "experiments/.socket"
ENGINE_LOG = "experiments/engine.log"
REQUIREMENTS = "requirements.txt"
PROMPTS = "prompts"

FOLDERS = ("src/models", "configs/models", EXPERIMENTS)

RUN_CONFIG = "model_config.yaml"
RUN_CODE = "model_code.py"
RUN_SUMMARY = "summary.json"
RUN_RESULTS = "results.json"
RUN_EVAL_CONFIG = "eval_config.yaml"
RUN_METRICS = "metrics.jsonl"
RUN_WEIGHTS = "model.safetensors"
RUN_PREPROCESSING = "preprocessing.json"


def package_file(*parts: str) -> Path:
    """A file or folder that is installed with the package."""
    return Path(str(resources.files("mlagent_tui").joinpath(*parts)))


def bundled_model() -> Path:
    """The language model that comes with the package; in a checkout, `models/` lies beside the package."""
    installed = package_file("models", "minnow.gguf")
    checkout = package_file().parent / "models" / "minnow.gguf"
    return checkout if checkout.is_file() and not installed.is_file() else installed


def home() -> Path:
    """The user's home folder; for a user without one, a folder that does not exist.

    Nothing is found there and nothing can be stored there, which every user of it has to expect anyway.
    """
    try:
        return Path.home()
    except RuntimeError:  # HOME is not set, and the system has no entry for this user
        return NO_HOME


def user_path(name: str | Path) -> Path:
    """A path as a user writes it: `~` is the home folder; a name that nobody has is left as it is."""
    text = os.fspath(name)
    if text == "~" or text.startswith("~/"):
        return home() / text[2:]
    return Path(os.path.expanduser(text))


def new_projects() -> Path:
    """Where projects go that are given no place: `$MLAGENT_PROJECTS`, else the current folder."""
    named = os.environ.get("MLAGENT_PROJECTS")
    return user_path(named) if named else Path(".")


def own_source(place: Path) -> Path | None:
    """The folder of mlagent's own source code that `place` lies in, if it does."""
    package = package_file()
    checkout = package.parent
    own = [package]
    if (checkout / "pyproject.toml").is_file() and (checkout / "scripts" / "run").is_file():
        own += [checkout / name for name in CHECKOUT]
    found = Path(os.path.realpath(place))
    return next((folder for folder in own if found.is_relative_to(folder.resolve())), None)


def settings_file() -> Path:
    """The user's settings: `$MLAGENT_CONFIG`, or `settings.yaml` in the configuration folder."""
    named = os.environ.get("MLAGENT_CONFIG")
    return user_path(named) if named else _user_folder("XDG_CONFIG_HOME", ".config") / "settings.yaml"


def prompts_folder() -> Path:
    """Prompts of the user's own for every project: `prompts` beside the settings file."""
    return settings_file().absolute().parent / PROMPTS


def data_folder() -> Path:
    """Where data sets are looked for: `$MLAGENT_DATA`, or `data` in the user's data folder."""
    named = os.environ.get("MLAGENT_DATA")
    return user_path(named) if named else _user_folder("XDG_DATA_HOME", ".local/share") / "data"


def cache_folder() -> Path:
    """What can be deleted at no loss."""
    return _user_folder("XDG_CACHE_HOME", ".cache")


def log_folder() -> Path:
    """The logs of the model servers and of the application."""
    return _user_folder("XDG_STATE_HOME", ".local/state") / "log"


def checks_folder() -> Path:
    """What was found of language models that were checked, a file each."""
    return _user_folder("XDG_STATE_HOME", ".local/state") / "checks"


def state_file() -> Path:
    """What the interface remembers between two times it is opened."""
    return _user_folder("XDG_STATE_HOME", ".local/state") / "tui.json"


def _user_folder(variable: str, default: str) -> Path:
    base = user_path(os.environ.get(variable, ""))
    return (base if base.is_absolute() else home() / default) / "mlagent"


@dataclass(frozen=True)
class Layout:
    """The places of one project, as absolute paths; the constants above are the same, relative to `root`."""

    root: Path

    def is_project(self) -> bool:
        """Whether `root` is a project: it has a registry or a journal, damaged ones included."""
        return os.path.lexists(self.registry) or os.path.lexists(self.journal)

    @property
    def experiments(self) -> Path:
        """The folder of runs."""
        return self.root / EXPERIMENTS

    @property
    def registry(self) -> Path:
        """The list of all runs."""
        return self.root / REGISTRY

    @property
    def journal(self) -> Path:
        """The events of all runs."""
        return self.root / JOURNAL

    @property
    def report(self) -> Path:
        """The report of the last run of the loop."""
        return self.root / REPORT

    @property
    def current_model(self) -> Path:
        """The code written last."""
        return self.root / CURRENT_MODEL

    @property
    def current_config(self) -> Path:
        """The configuration written last."""
        return self.root / CURRENT_CONFIG

    def run(self, run_id: str) -> Path:
        """The folder of one run."""
        return self.experiments / run_id
