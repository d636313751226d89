"""Whether two measured accuracies can be those of one network: the two-proportion z test."""

from __future__ import annotations

import math

LIMIT = 4.0
"""Standard errors beyond which a difference is not put down to chance: one pair of measurements in 16,000."""


def standard_errors(validation: float, validated: int, test: float, tested: int) -> float:
    """The difference of two accuracies (0 to 1, over so many images), in standard errors of a difference.

    The error is that of one share common to both, which is never taken as less than one image from 0 or 1.
    """
    images = validated + tested
    common = (validation * validated + test * tested) / images
    common = min(max(common, 1 / images), 1 - 1 / images)
    return abs(validation - test) / math.sqrt(common * (1 - common) * (1 / validated + 1 / tested))


def doubt(validation: float | None, validated: int, test: float, tested: int) -> str:
    """What to say when the validation and test accuracies differ beyond chance; empty when they do not."""
    if validation is None or validated < 2 or tested < 2:
        return ""
    errors = standard_errors(validation, validated, test, tested)
    if errors < LIMIT:
        return ""
    return (
        f"The validation accuracy ({100 * validation:.2f} % of {validated}) and the test accuracy "
        f"({100 * test:.2f} % of {tested}) differ by {errors:.1f} standard errors. Chance explains up to "
        f"{LIMIT:g}: do not trust this result before its code has been read."
    )
