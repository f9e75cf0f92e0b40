"""Results of a run that would take the place of one of its inputs are refused."""

from collections.abc import Mapping

from staticmask_cli.config.parameters import Parameters
from staticmask_cli.errors import OutputError
from staticmask_cli.exposures.named_files import named_files
from staticmask_cli.io.paths import canonical_path

__all__ = ["refuse_inputs"]


def refuse_inputs(
    parameters: Parameters, config: str | None, targets: Mapping[str, str | None]
) -> None:
    """Refuse files that a run is to write where they are exposures, lists or others that it reads.

    Parameters
    ----------
    parameters : Parameters
        The parameters of the run, with the words that name its inputs.
    config : str or None
        The path of its ``.cfg``.
    targets : mapping of str to str or None
        The path of each file that is to be written, by the option that names it; None for none.

    Raises
    ------
    OutputError
        If one of these files is an input.
    """
    paths = {option: path for option, path in targets.items() if path is not None}
    if not paths:
        return
    inputs = named_files([*parameters.input, *parameters.include, *([config] if config else [])])
    for option, path in paths.items():
        if canonical_path(path) in inputs:
            msg = (f"{path}: is an input of this run, and stays as it is; choose another name for "
                   f"{option}")
            raise OutputError(msg)
