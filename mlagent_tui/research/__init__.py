"""Pure rules on values: which trial is better, what changed between two trials, whether one overfits.

Everybody may read these; they know no process, no file and no screen. What only the engine needs is imported
where it is used: it takes a while to compile its expressions, and the screen should start at once.
"""

from typing import TYPE_CHECKING

from mlagent_tui.research import change, fit, multiply_adds, ranking, wishes, wording

if TYPE_CHECKING:
    from mlagent_tui.research import claims, network_facts

__all__ = ["change", "claims", "fit", "multiply_adds", "network_facts", "ranking", "wishes", "wording"]
