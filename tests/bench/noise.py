"""Compare the pixels expected by noise with those of 100 chips of pure noise, under each rule.

Run as ``python -m tests.bench.noise``; it prints a table in Markdown, and takes some minutes.
"""

import sys
from collections.abc import Iterator

import numpy as np

from staticmask_cli.masks.rule import Agreement
from staticmask_cli.masks.signature import Signature
from staticmask_cli.masks.static_mask import StaticMask
from tests.bench.tables import head, row

__all__ = ["found_and_expected"]

CHIPS, EXPOSURES, EXPOSURES_OF_JOINT = 100, 4, 10
SHAPES = ((128, 160), (256, 300))
RULES = (("global", 3.0), ("global", 4.0), ("local", 3.0), ("local", 4.0), ("local", 5.0))
AGREEMENTS: tuple[Agreement, ...] = ("any", 2, "all")


def noise(shape: tuple[int, int], number: int) -> np.ndarray:
    """Return a chip of Gaussian noise."""
    rng = np.random.default_rng([number, *shape])
    return rng.normal(100, 10, shape).astype(np.float32)


def found_and_expected(
    shape: tuple[int, int], sky: str, static_sig: float, agree: Agreement
) -> Iterator[tuple[int, float]]:
    """Yield the number of bad pixels of each mask, and the number expected by noise."""
    exposures = EXPOSURES_OF_JOINT if agree == "joint" else EXPOSURES
    for first in range(0, CHIPS, exposures):
        mask = StaticMask(Signature("NOISE", shape, 1), static_sig=static_sig, sky=sky, agree=agree)
        for number in range(first, first + exposures):
            mask.add(noise(shape, number), label=f"{number}.fits")
        yield mask.nbad, mask.chance


def main() -> None:
    """Print the table, with the mean of the masks."""
    write = sys.stdout.write
    write(f"{head('rule', 'chip', 'expected', 'found')}\n")
    rules = [(sky, sig, agree) for sky, sig in RULES for agree in AGREEMENTS]
    for sky, static_sig, agree in (*rules, ("local", 3.0, "joint")):
        for shape in SHAPES:
            found, expected = zip(*found_and_expected(shape, sky, static_sig, agree), strict=True)
            cells = row(f"`--sky {sky} --static-sig {static_sig:g} --agree {agree}`",
                        f"{shape[0]} x {shape[1]}", f"{np.mean(expected):.3g}",
                        f"{np.mean(found):.3g} ({min(found)} to {max(found)})")
            write(f"{cells}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
