"""What a run was asked to do: everything a later process needs to go on with it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from mlagent_tui.agent.reading import Typed
from mlagent_tui.field_errors import NUMBER
from mlagent_tui.schemas import DatasetName, Metric, SandboxPolicy
from mlagent_tui.settings import Fallback, Policy, RoleOptions, Sharing


class RunOptions(BaseModel):
    """The request and the limits of one run; stored in the journal's `run_started`."""

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())

    goal_text: Annotated[str, Field(min_length=1, max_length=4000)]
    planner: str = "bundled"
    coder: str = "bundled"
    planner_options: RoleOptions = RoleOptions()
    coder_options: RoleOptions = RoleOptions()
    sharing: Sharing = "auto"
    fallback: Fallback = "bundled"
    dataset: DatasetName | None = Field(default=None, description="overrides what the goal's text names")
    metric: Metric | None = Field(default=None, description="overrides the goal's text, as the next three do")
    threshold: Annotated[float, Field(gt=0, le=100), NUMBER] | None = Field(
        default=None, description="accuracy as a fraction"
    )
    max_parameters: Annotated[int, Field(ge=1, le=10_000_000_000), NUMBER] | None = None
    max_seconds: Annotated[float, Field(gt=0, le=1_000_000), NUMBER] | None = Field(
        default=None, description="training time of one trial, seconds"
    )
    iterations: Annotated[int, Field(ge=1, le=1000), NUMBER] = 8
    patience: Annotated[int, Field(ge=1, le=1000), NUMBER] = 3
    time_budget: Annotated[float, Field(gt=0, le=1e8), NUMBER] | None = Field(
        default=None, description="seconds"
    )
    seed: Annotated[int, Field(ge=0, le=2**31 - 1), NUMBER] = 0
    device: Literal["auto", "cuda", "mps", "cpu"] = "auto"
    data_dir: Path | None = None
    sandbox: SandboxPolicy = "auto"
    bash_run: Policy = "ask"
    python_run: Policy = "ask"
    memory_limit_mb: Annotated[int, Field(ge=256), NUMBER] | None = None

    def typed(self) -> Typed:
        """The parts of the goal that are given as options."""
        return Typed(self.dataset, self.metric, self.threshold, self.max_parameters, self.max_seconds)
