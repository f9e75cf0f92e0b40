"""The pixels that are known to be bad, in the plans of a run and in its masks."""

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from staticmask_cli.config.parameters import Parameters
from staticmask_cli.forms.including import included_pixels
from staticmask_cli.forms.listed import Target

if TYPE_CHECKING:
    from collections.abc import Iterable

    from staticmask_cli.pipeline.plan import MaskPlan

__all__ = ["with_included"]

log = logging.getLogger(__name__)


def with_included(plans: "Iterable[MaskPlan]", parameters: Parameters) -> "list[MaskPlan]":
    """Return plans with the pixels that are known to be bad, from the files in `parameters`.

    Raises
    ------
    ConfigError, InputError
        As of `forms.including.included_pixels`.
    """
    targets = {plan.path: _target_of(plan) for plan in plans}
    found = included_pixels(parameters.include, parameters.include_bad, list(targets.values()))
    for name, included in found.items():
        log.info("%s: %d pixels are known to be bad, by %s", name,
                 np.count_nonzero(included.bad), ", ".join(included.files))
    return [replace(plan, included=found.get(targets[plan.path].name)) for plan in plans]


def _target_of(plan: "MaskPlan") -> Target:
    """Return the mask of a plan, as what a list of bad pixels can belong to."""
    chip = next((chip for chip in plan.chips if not chip.skip_reason), plan.chips[0])
    name = plan.name.removesuffix("_staticMask.fits")
    return Target(name, plan.signature, {**chip.facts, **chip.grid})
