"""The options of the command line, and how they become the options of a run. Nothing is done here."""

from __future__ import annotations

import argparse
import difflib
import math
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from mlagent_tui import paths
from mlagent_tui.errors import UsageError

if TYPE_CHECKING:
    from _typeshed import SupportsWrite
    from pydantic import ValidationError

    from mlagent_tui.field_errors import FieldError
    from mlagent_tui.settings import RoleOptions, Settings

INTERFACE = "interface"
"""The command that is meant where none is named."""

NAMES = (INTERFACE, "run", "resume", "replay", "runs", "report", "models", "prompts", "doctor")
PROFILES = ("minnow", "chat", "completion")
"""The names of `prompts.PROFILES`, for help that is shown without loading them."""
HOLDS = ("assemble", "evaluate")
ROLE_OPTIONS = ("planner_options", "coder_options")
HELP = "See: mlagent run --help"
ROLE_KEYS = (
    "temperature, context, thinking_budget, chat_template, prompts, code, gpu_layers, threads, "
    "flash_attention, device, dtype, memory_check"
)
"""The keys of `settings.RoleOptions`: as text, for help that is shown without loading it."""

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def run_options(arguments: argparse.Namespace, defaults: Settings) -> Any:
    """The `agent.RunOptions` that the arguments of `run` ask for. Raises `UsageError` at the first slip."""
    from pydantic import ValidationError

    try:
        return option_values(arguments, defaults)
    except ValidationError as error:
        raise _slip(error, arguments) from error


def resumed_options(arguments: argparse.Namespace, stored: Any) -> Any:
    """The options of a run that is resumed: as they were `stored`, but for what is said now.

    Raises `UsageError` at the first slip.
    """
    from pydantic import ValidationError

    names = ("iterations", "patience", "time_budget", "sharing", "fallback")
    given = {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
    try:
        return type(stored).model_validate(
            stored.model_dump() | given | role_options(arguments, stored.model_dump())
        )
    except ValidationError as error:
        raise _slip(error, arguments) from error


def slip(told: FieldError) -> tuple[str, str, str]:
    """What is wrong with a field of the options, as (option of the command line, what, remedy)."""
    field = str(told.path[0])
    what = told.what.removeprefix(field).lstrip(".: ")
    if not field.endswith("_options"):
        return ("GOAL" if field == "goal_text" else f"--{field.replace('_', '-')}"), what, HELP
    return f"--{field.removesuffix('s').replace('_', '-')}", what, told.remedy.removeprefix(f"{field}.")


def _slip(error: ValidationError, arguments: argparse.Namespace) -> UsageError:
    from mlagent_tui import field_errors
    from mlagent_tui.agent import RunOptions

    first = field_errors.first(error, RunOptions, noun="option")
    option, what, remedy = slip(first)
    said = getattr(arguments, option.strip("-").replace("-", "_"), None)
    if first.path[0] in ROLE_OPTIONS and first.path[1] not in dict(said or ()):
        option = "--model-option"
    return UsageError(f"{option}: {what}", remedy)


def option_values(arguments: argparse.Namespace, defaults: Settings) -> Any:
    """As `run_options`, with every slip. Raises `pydantic.ValidationError`."""
    from mlagent_tui.agent import RunOptions

    goal = ("dataset", "metric", "threshold", "max_parameters", "max_seconds")
    names = ("planner", "coder", *goal, "iterations", "patience", "time_budget", "seed", "device")
    said = {name: getattr(arguments, name) for name in (*names, "data_dir", "sandbox", "sharing", "fallback")}
    given = {name: value for name, value in said.items() if value is not None}
    if arguments.model:
        given = {"planner": arguments.model, "coder": arguments.model} | given
    given = defaults.model_dump() | given
    given |= role_options(arguments, given)
    for role in ("planner", "coder"):
        given[role] = absolute(given[role])
    given["data_dir"] = given["data_dir"] and paths.user_path(given["data_dir"]).absolute()
    return RunOptions.model_validate(given | {"goal_text": arguments.goal.strip()})


def role_options(arguments: argparse.Namespace, before: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """How each role uses its model: as `before`, then what is said for both, then what for the role alone.

    A template's path becomes valid from every folder. What is not an option is kept, to be refused.
    """
    told: dict[str, dict[str, Any]] = {}
    for field in ROLE_OPTIONS:
        own = getattr(arguments, field.removesuffix("s"))
        options = {**before[field], **dict([*arguments.model_option, *own])}
        if isinstance(options.get("chat_template"), str | Path):
            options["chat_template"] = paths.user_path(options["chat_template"]).absolute()
        told[field] = options
    return told


def said_options(pairs: Iterable[tuple[str, str | None]]) -> RoleOptions:
    """How a model is used where there is no role: as `--model-option` says. Raises `UsageError`."""
    from pydantic import ValidationError

    from mlagent_tui import field_errors
    from mlagent_tui.settings import RoleOptions

    try:
        return RoleOptions.model_validate(dict(pairs))
    except ValidationError as error:
        first = field_errors.first(error, RoleOptions, noun="option")
        raise UsageError(f"--model-option: {first.what}", first.remedy) from error


def key_value(text: str) -> tuple[str, str | None]:
    """`(context, 8192)` from `context=8192`; `null` is None. Raises `argparse.ArgumentTypeError`."""
    key, sign, value = text.partition("=")
    if not (key.strip() and sign and value.strip()):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form KEY=VALUE (an example: context=8192)")
    return key.strip().replace("-", "_"), None if value.strip() == "null" else value.strip()


def words(text: str) -> str:
    """Text of the user's own, read as UTF-8 in every locale. Raises `argparse.ArgumentTypeError`."""
    try:
        return os.fsencode(text).decode()
    except UnicodeError:
        raise argparse.ArgumentTypeError(f"{text!a} is not UTF-8 text") from None


def absolute(spec: str) -> str:
    """A model file's name as it is valid from every folder; a run may be resumed from another."""
    from mlagent_tui.settings import lacks_scheme

    if spec == "bundled" or "://" in spec or lacks_scheme(spec):
        return spec
    return str(paths.user_path(spec).absolute())


def duration(text: str) -> float:
    """Seconds from `90`, `90s`, `30m`, `1h30m`. Raises `argparse.ArgumentTypeError`."""
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhd]?)", text.strip().lower())
    if not parts or "".join(a + b for a, b in parts) != text.strip().lower():
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration (examples: 90s, 30m, 1h30m)")
    seconds = sum(float(number) * _UNITS[unit or "s"] for number, unit in parts)
    if seconds <= 0:
        raise argparse.ArgumentTypeError("a duration must be more than zero")
    return seconds


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a speed (examples: 1, 10, 0.5)")
    return speed


class _Parser(argparse.ArgumentParser):
    """argparse, with its errors in plain English and in the form of all others."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(plain(message), f"See: {self.prog} --help")

    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        (file or sys.stderr).write(message)  # argparse's own says nothing of a full disk


_PLAIN = (
    (r"argument (\S+): invalid int value: '(.*)'", r"\1: '\2' is not a whole number"),
    (r"argument (\S+): invalid float value: '(.*)'", r"\1: '\2' is not a number"),
    (r"argument (\S+): invalid choice: '?(.*?)'? \(choose from (.*)\)", r"\1: '\2' is not one of \3"),
    (r"argument (\S+): expected one argument", r"\1 needs a value"),
    (r"argument (\S+): ignored explicit argument '(.*)'", r"\1 takes no value"),
    (r"argument (\S+): (.*)", r"\1: \2"),
    (r"the following arguments are required: (.*)", r"\1 is missing"),
    (r"unrecognized arguments: (.*)", r"unknown option or argument: \1"),
    (r"ambiguous option: ([^\s=]+)\S* could match (.*)", r"\1 could mean any of \2"),
)
"""What argparse says, and how people say it."""


def plain(message: str) -> str:
    """An error of argparse in plain English."""
    for pattern, said in _PLAIN:
        if re.fullmatch(pattern, message, re.DOTALL):
            return re.sub(pattern, said, message, flags=re.DOTALL)
    return message


def with_command(argv: Sequence[str]) -> list[str]:
    """The arguments with a command in front: without one, or with a folder, they mean the interface.

    Raises `UsageError` when the first argument is neither a command nor a folder.
    """
    first = argv[0] if argv else None
    if first is None:
        return [INTERFACE]
    if first.startswith("-") or first in NAMES:
        return list(argv)
    place = paths.user_path(first)
    if place.is_dir():
        return [INTERFACE, *argv]
    commands = f"The commands are: {', '.join(NAMES[1:])}. See: mlagent --help"
    if near := difflib.get_close_matches(first, NAMES[1:], 1):
        raise UsageError(f"there is no command '{first}'. Did you mean '{near[0]}'?", commands)
    if os.path.lexists(place):
        raise UsageError(f"{first} is a file, not a project folder", commands)
    raise UsageError(
        f"there is no project {first}", f"Name a folder that `mlagent run` has made.\n{commands}"
    )


def parser(commands: Mapping[str, Callable[[argparse.Namespace], int]]) -> argparse.ArgumentParser:
    """The parser of all commands; `command` of what it returns is the function that carries it out."""
    parser = _Parser(
        prog="mlagent",
        usage="mlagent [PROJECT]\n       mlagent COMMAND ...",
        description="Design neural networks with language models on your own machine.",
        epilog="Exit status: 0 goal achieved or command done; 3 finished without achieving the goal; "
        "2 bad usage; 1 error; 130 interrupted.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    known = parser.add_subparsers(title="commands", required=True, metavar="COMMAND", prog="mlagent")
    interface = known.add_parser(INTERFACE, prog="mlagent")
    interface.add_argument("project", type=paths.user_path, nargs="?", metavar="PROJECT")
    _add_run(known)
    resume = known.add_parser("resume", help="resume the last run of a project")
    resume.add_argument("project", type=paths.user_path, metavar="PROJECT")
    _add_limits(resume)
    _add_model_use(resume)
    _add_hands(resume)
    _add_more(resume)
    _add_output(resume)
    replay = known.add_parser("replay", help="play a recorded run in the terminal interface")
    replay.add_argument("project", type=paths.user_path, metavar="PROJECT")
    replay.add_argument(
        "--speed", type=_speed, default=1.0, metavar="X", help="how many times as fast (default: 1)"
    )
    runs = known.add_parser("runs", help="list the trials of a project")
    runs.add_argument("project", type=paths.user_path, metavar="PROJECT")
    runs.add_argument("--json", action="store_true", help="print the whole list as JSON")
    runs.add_argument("--all", action="store_true", help="show all trials, not only the newest 50")
    report = known.add_parser("report", help="write and print the report of a project's last run")
    report.add_argument("project", type=paths.user_path, metavar="PROJECT")
    models = known.add_parser("models", help="list the language models on this machine, or measure one")
    models.set_defaults(check=None)
    models.add_argument("--json", action="store_true", help="print JSON")
    check = models.add_subparsers(metavar="check", title="commands").add_parser(
        "check", help="load a model and measure it"
    )
    check.add_argument("check", metavar="M", help="bundled, a .gguf, a folder, or http://host:port/v1#name")
    check.add_argument("--json", action="store_true", default=argparse.SUPPRESS)
    check.add_argument(
        "--seconds",
        type=duration,
        default=300.0,
        metavar="T",
        help="time for all of it (default: 300; examples: 90s, 10m); in less time, fewer questions are asked",
    )
    _add_option(check, "model", "how to load and use it (an example: context=8192)")
    _add_prompts(known)
    doctor = known.add_parser("doctor", help="check what a run needs on this machine")
    doctor.add_argument("--json", action="store_true", help="print JSON, for a support ticket")
    for name, one in known.choices.items():
        one.set_defaults(command=commands[name])
    return parser


def _add_prompts(commands: Any) -> None:
    prompts = commands.add_parser(
        "prompts", help="list the prompts of language models, or copy them to change"
    )
    prompts.set_defaults(copies=False, project=None, json=False)
    verbs = prompts.add_subparsers(title="commands", metavar="list | copy")
    listing = verbs.add_parser("list", help="show which file is used for each task")
    copying = verbs.add_parser("copy", help="write the shipped prompts out, with comments")
    copying.set_defaults(copies=True)
    listing.add_argument("--json", action="store_true", help="print JSON, with the texts")
    for verb in (listing, copying):
        verb.add_argument(
            "--project", type=paths.user_path, metavar="DIR", help="the project (default: the current folder)"
        )
    copying.add_argument("--profile", choices=PROFILES, help="only those of one profile")
    copying.add_argument(
        "--to",
        choices=("project", "settings"),
        default="settings",
        help="for this project alone, or for every project (default)",
    )
    copying.add_argument("--force", action="store_true", help="replace files that were changed")


def _add_run(commands: Any) -> None:
    run = commands.add_parser(
        "run",
        help="start a run: work on a goal",
        epilog='Example: mlagent run "a small CNN for the digits data set, at least 95% accuracy"',
    )
    run.add_argument(
        "goal", type=words, metavar="GOAL", help="what to reach, in your own words and with a number"
    )
    add = run.add_argument
    add(
        "--project",
        type=paths.user_path,
        metavar="DIR",
        help="folder of the project (default: a new one named after the goal, in $MLAGENT_PROJECTS or here)",
    )
    add(
        "--another", action="store_true", help="start a new run although the project's last run has not ended"
    )
    models = "bundled, a .gguf file, a folder of weights, or http://host:port/v1#name"
    add("--model", metavar="M", help=f"language model for both roles: {models}")
    add("--planner", metavar="M", help="language model that plans and decides")
    add("--coder", metavar="M", help="language model that writes code")
    add("--dataset", metavar="D", help="digits, mnist, fashion_mnist, cifar10, cifar100 or dummy")
    add("--metric", metavar="M", help="what the goal is about: accuracy or val_loss")
    add("--threshold", type=float, metavar="X", help="value to reach; accuracy as a fraction (example: 0.95)")
    add("--max-parameters", type=int, metavar="N", help="limit on the parameters of a network")
    add("--max-seconds", type=float, metavar="S", help="limit on the training time of one trial, in seconds")
    add("--seed", type=int, metavar="N", help="seed of all random numbers (default: 0)")
    add("--device", metavar="D", help="where networks train: auto, cuda, mps or cpu")
    add("--data-dir", type=paths.user_path, metavar="DIR", help="folder with the data sets")
    add(
        "--sandbox",
        metavar="S",
        help="sandbox for generated code: auto, required, none, bubblewrap, landlock or seatbelt",
    )
    add("--branch-from", metavar="RUN", help="start from the network of this earlier trial of the project")
    add("--check", action="store_true", help="start nothing; print as JSON what is wrong, if anything")
    _add_limits(run)
    _add_model_use(run)
    _add_hands(run)
    _add_output(run)


def _add_limits(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--iterations", type=int, metavar="N", help="train at most N networks (default: 8)")
    add(
        "--patience",
        type=int,
        metavar="N",
        help="stop after N networks in a row without improvement (default: 3)",
    )
    add(
        "--time-budget",
        type=duration,
        metavar="T",
        help="start no new iteration after this time (examples: 90s, 30m)",
    )


def _add_model_use(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "how models are used",
        f"KEY is one of {ROLE_KEYS}. Each option can be given several times. See docs/models.md.",
    )
    for role, what in (
        ("model", "an option for the models of both roles (an example: context=8192)"),
        ("planner", "an option for the planner's model only (an example: thinking_budget=4096)"),
        ("coder", "an option for the coder's model only (an example: gpu_layers=20)"),
    ):
        _add_option(group, role, what)
    group.add_argument(
        "--sharing",
        metavar="P",
        help="language models during training: keep in memory, offload, or auto (default: by estimate)",
    )
    group.add_argument(
        "--fallback",
        metavar="F",
        help="what answers a call at which another model fails: bundled (the default) or none",
    )


def _add_option(parser: Any, role: str, what: str) -> None:
    parser.add_argument(
        f"--{role}-option", action="append", default=[], type=key_value, metavar="KEY=VALUE", help=what
    )


def _add_hands(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--hold",
        action="append",
        default=[],
        choices=HOLDS,
        help="pause before this step of every iteration until you continue the run",
    )
    add(
        "--steer",
        type=words,
        default="",
        metavar="TEXT",
        help="a sentence for the planner, shown to it in its next prompts",
    )
    add(
        "--wait-for-approval",
        action="store_true",
        help="wait for approvals that come through the project's socket",
    )


def _add_more(parser: argparse.ArgumentParser) -> None:
    """One more iteration, whatever ended the run."""
    more = parser.add_mutually_exclusive_group()
    more.add_argument(
        "--branch-from",
        metavar="RUN",
        help="run one more iteration, with a change of this trial's network",
    )
    more.add_argument(
        "--rerun", metavar="RUN", help="run one more iteration: train this trial again with another seed"
    )


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--events", choices=["jsonl"], help="print the events of the run to stdout as JSON lines"
    )
    parser.add_argument("--quiet", action="store_true", help="print only warnings, errors and the outcome")


class _Version(argparse.Action):
    """Reads the version only when asked: reading the metadata of packages takes a while."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        print(f"mlagent {_version()}")
        parser.exit()


def _version() -> str:
    from importlib import metadata

    try:
        return metadata.version("mlagent-tui")
    except metadata.PackageNotFoundError:
        return "(not installed)"
