"""What can be said on the command line, and how it becomes the options of a run; nothing is done here."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from mlagent_tui.errors import UsageError

if TYPE_CHECKING:
    from pydantic import ValidationError

    from mlagent_tui.settings import RoleOptions, Settings

INTERFACE = "interface"
"""The command that is meant where none is named."""

NAMES = (INTERFACE, "run", "resume", "replay", "runs", "report", "models", "doctor")
HOLDS = ("assemble", "evaluate")
ROLE_OPTIONS = ("planner_options", "coder_options")
HELP = "See: mlagent run --help"
ROLE_KEYS = (
    "temperature, context, thinking_budget, chat_template, gpu_layers, threads, "
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

    names = ("iterations", "patience", "time_budget", "sharing")
    given = {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
    try:
        return type(stored).model_validate(
            stored.model_dump() | given | role_options(arguments, stored.model_dump())
        )
    except ValidationError as error:
        raise _slip(error, arguments) from error


def slip(where: Sequence[int | str], message: str) -> tuple[str, str, str]:
    """What is wrong, where in the options, as (option of the command line, what, remedy)."""
    from mlagent_tui.settings import RoleOptions

    field, *inner = map(str, where)
    if not field.endswith("_options"):
        return ("GOAL" if field == "goal_text" else f"--{field.replace('_', '-')}"), message, HELP
    option = f"--{field.removesuffix('s').replace('_', '-')}"
    key = inner[0] if inner else ""
    known = RoleOptions.model_fields.get(key)
    if known is None:
        return option, f"there is no option {key!r}", f"The options are: {ROLE_KEYS}."
    default = "null" if known.default is None else known.default
    return option, f"{key}: {message}", f"{key}: {known.description} Default: {default}."


def _slip(error: ValidationError, arguments: argparse.Namespace) -> UsageError:
    first = error.errors()[0]
    option, what, remedy = slip(first["loc"], first["msg"])
    said = getattr(arguments, option.strip("-").replace("-", "_"), None)
    if first["loc"][0] in ROLE_OPTIONS and first["loc"][1] not in dict(said or ()):
        option = "--model-option"
    return UsageError(f"{option}: {what}", remedy)


def option_values(arguments: argparse.Namespace, defaults: Settings) -> Any:
    """As `run_options`, with every slip. Raises `pydantic.ValidationError`."""
    from mlagent_tui.agent import RunOptions

    names = ("planner", "coder", "dataset", "iterations", "patience", "time_budget", "seed", "device")
    said = {name: getattr(arguments, name) for name in (*names, "data_dir", "sandbox", "sharing")}
    given = {name: value for name, value in said.items() if value is not None}
    if arguments.model:
        given = {"planner": arguments.model, "coder": arguments.model} | given
    given = defaults.model_dump() | given
    given |= role_options(arguments, given)
    for role in ("planner", "coder"):
        given[role] = absolute(given[role])
    given["data_dir"] = given["data_dir"] and given["data_dir"].expanduser().absolute()
    return RunOptions.model_validate(given | {"goal_text": arguments.goal.strip()})


def role_options(arguments: argparse.Namespace, before: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """How each role uses its model: as `before`, then what is said for both, then what for the role alone.

    A template's path becomes valid from every folder. What is no option is kept, to be refused.
    """
    told: dict[str, dict[str, Any]] = {}
    for field in ROLE_OPTIONS:
        own = getattr(arguments, field.removesuffix("s"))
        options = {**before[field], **dict([*arguments.model_option, *own])}
        if isinstance(options.get("chat_template"), str | Path):
            options["chat_template"] = Path(options["chat_template"]).expanduser().absolute()
        told[field] = options
    return told


def said_options(pairs: Iterable[tuple[str, str | None]]) -> RoleOptions:
    """How a model is used where there is no role: as `--model-option` says. Raises `UsageError`."""
    from pydantic import ValidationError

    from mlagent_tui.settings import RoleOptions

    try:
        return RoleOptions.model_validate(dict(pairs))
    except ValidationError as error:
        first = error.errors()[0]
        option, what, remedy = slip(("model_options", *first["loc"]), first["msg"])
        raise UsageError(f"{option}: {what}", remedy) from error


def key_value(text: str) -> tuple[str, str | None]:
    """`(context, 8192)` from `context=8192`; `null` is None. Raises `argparse.ArgumentTypeError`."""
    key, sign, value = text.partition("=")
    if not (key.strip() and sign and value.strip()):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form KEY=VALUE, such as context=8192")
    return key.strip().replace("-", "_"), None if value.strip() == "null" else value.strip()


def absolute(spec: str) -> str:
    """A model file's name as it is valid from every folder; a run may be resumed from another."""
    if spec == "bundled" or "://" in spec:
        return spec
    return str(Path(spec).expanduser().absolute())


def duration(text: str) -> float:
    """Seconds from `90`, `90s`, `30m`, `1h30m`. Raises `argparse.ArgumentTypeError`."""
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhd]?)", text.strip().lower())
    if not parts or "".join(a + b for a, b in parts) != text.strip().lower():
        raise argparse.ArgumentTypeError(f"{text!r} is no duration such as 90s, 30m or 1h30m")
    seconds = sum(float(number) * _UNITS[unit or "s"] for number, unit in parts)
    if seconds <= 0:
        raise argparse.ArgumentTypeError("a duration is more than zero")
    return seconds


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no speed such as 1, 10 or 0.5")
    return speed


class _Parser(argparse.ArgumentParser):
    """argparse with errors in the form of all others."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, f"See: {self.prog} --help")


def with_command(argv: Sequence[str]) -> list[str]:
    """The arguments with a command in front: without one, or with a folder, they mean the interface."""
    first = argv[0] if argv else None
    if first is None:
        return [INTERFACE]
    if not first.startswith("-") and first not in NAMES and Path(first).is_dir():
        return [INTERFACE, *argv]
    return list(argv)


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
    interface.add_argument("project", type=Path, nargs="?", metavar="PROJECT")
    _add_run(known)
    resume = known.add_parser("resume", help="go on with the last run of a project")
    resume.add_argument("project", type=Path, metavar="PROJECT")
    _add_limits(resume)
    _add_model_use(resume)
    _add_hands(resume)
    _add_output(resume)
    replay = known.add_parser("replay", help="play a recorded run in the terminal interface")
    replay.add_argument("project", type=Path, metavar="PROJECT")
    replay.add_argument("--speed", type=_speed, default=1.0, metavar="X", help="times as fast (default: 1)")
    runs = known.add_parser("runs", help="list the runs of a project")
    runs.add_argument("project", type=Path, metavar="PROJECT")
    runs.add_argument("--json", action="store_true", help="all entries of the registry as JSON")
    runs.add_argument("--all", action="store_true", help="all runs, not only the newest 50")
    report = known.add_parser("report", help="write and print the report of a project's last run")
    report.add_argument("project", type=Path, metavar="PROJECT")
    models = known.add_parser("models", help="list the language models on this machine, or measure one")
    models.set_defaults(check=None)
    models.add_argument("--json", action="store_true", help="the same as JSON")
    check = models.add_subparsers(metavar="check").add_parser("check", help="load a model and measure it")
    check.add_argument("check", metavar="M", help="bundled, a .gguf, a folder, or http://host:port/v1#name")
    check.add_argument("--json", action="store_true", default=argparse.SUPPRESS)
    _add_option(check, "model", "how to load and use it, such as context=8192")
    doctor = known.add_parser("doctor", help="look at everything that a run needs of this machine")
    doctor.add_argument("--json", action="store_true", help="the same as JSON, for a support ticket")
    for name, one in known.choices.items():
        one.set_defaults(command=commands[name])
    return parser


def _add_run(commands: Any) -> None:
    run = commands.add_parser(
        "run",
        help="work on a goal",
        epilog='Example: mlagent run "a small CNN for the digits data set, at least 95% accuracy"',
    )
    run.add_argument("goal", metavar="GOAL", help="what to reach, in your own words, with a number")
    add = run.add_argument
    add("--project", type=Path, metavar="DIR", help="folder of the project (default: ./<goal>-<n>)")
    add("--another", action="store_true", help="start although the project's last run has not ended")
    models = "bundled, a .gguf file, a folder of weights, or http://host:port/v1#name"
    add("--model", metavar="M", help=f"language model for both roles: {models}")
    add("--planner", metavar="M", help="language model that plans and decides")
    add("--coder", metavar="M", help="language model that writes code")
    add("--dataset", metavar="D", help="digits, mnist, fashion_mnist, cifar10, cifar100 or dummy")
    add("--seed", type=int, metavar="N", help="everything random follows from it (default: 0)")
    add("--device", metavar="D", help="where networks train: auto, cuda, mps or cpu")
    add("--data-dir", type=Path, metavar="DIR", help="folder of the data sets")
    add("--sandbox", metavar="S", help="confinement of generated code: auto, required or none")
    add("--branch-from", metavar="RUN", help="start from the network of this run of the project")
    add("--check", action="store_true", help="start nothing; print as JSON what would keep it from starting")
    _add_limits(run)
    _add_model_use(run)
    _add_hands(run)
    _add_output(run)


def _add_limits(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--iterations", type=int, metavar="N", help="try at most N networks (default: 8)")
    add("--patience", type=int, metavar="N", help="stop after N networks without improvement (default: 3)")
    add("--time-budget", type=duration, metavar="T", help="start nothing new after T, such as 90s or 30m")


def _add_model_use(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "how models are used",
        f"KEY is one of {ROLE_KEYS}. Each may be said several times; docs/models.md explains them.",
    )
    for role, what in (
        ("model", "how both roles use their models, such as context=8192"),
        ("planner", "the same for the planner alone, such as thinking_budget=4096"),
        ("coder", "the same for the coder alone, such as gpu_layers=20"),
    ):
        _add_option(group, role, what)
    group.add_argument(
        "--sharing",
        metavar="P",
        help="while a network trains, keep models in memory, offload them, or (default) auto: by estimate",
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
        help="stand still before this step of every iteration until told to go on",
    )
    add("--steer", default="", metavar="TEXT", help="a sentence that the planner sees in its next prompts")
    add(
        "--wait-for-approval",
        action="store_true",
        help="let commands that need approval wait for it to come through the project's socket",
    )


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--events", choices=["jsonl"], help="print the run's events as JSON lines on stdout")
    parser.add_argument("--quiet", action="store_true", help="print warnings, errors and the outcome only")


class _Version(argparse.Action):
    """Looks the version up when it is asked for: reading the metadata of packages takes a while."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        print(f"mlagent {_version()}")
        parser.exit()


def _version() -> str:
    from importlib import metadata

    try:
        return metadata.version("mlagent-tui")
    except metadata.PackageNotFoundError:
        return "(not installed)"
