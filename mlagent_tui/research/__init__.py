"""Pure rules on values: which trial is better, what changed between two trials, whether one overfits.

Everybody may read these; they know no process, no file and no screen.
"""

from mlagent_tui.research import change, claims, fit, network_facts, ranking

__all__ = ["change", "claims", "fit", "network_facts", "ranking"]
