"""A text editor whose actions are set by a test."""

import shlex
import sys
from pathlib import Path


class Editor:
    """A text editor that performs the next of several steps each time it is opened."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._script = folder / "editor.py"
        self.command = shlex.join([sys.executable, str(self._script)])

    def does(
        self,
        *steps: int | tuple[str | None, str | None],
        prints: str = "",
        interrupts: bool = False,
    ) -> None:
        """Set the steps that the editor performs.

        A step is an exit status, a signal (negative), or a pair of texts, of which the second
        replaces the first.  None as the first stands for the whole text; None as the second
        removes the file.
        """
        self._script.write_text(_EDITOR.format(
            steps=steps, folder=str(self._folder), prints=prints, interrupts=interrupts
        ))

    @property
    def saw(self) -> list[str]:
        """The texts of the file, one for each time that the editor was opened."""
        paths = sorted(self._folder.glob("saw-*"))
        return [path.read_text(encoding="utf-8", errors="surrogateescape") for path in paths]

    @property
    def words(self) -> list[str]:
        """The words of the last command between the editor and the file."""
        return (self._folder / "words").read_text().splitlines()


_EDITOR = """
import os, pathlib, signal, sys
steps, folder, interrupts = {steps!r}, pathlib.Path({folder!r}), {interrupts!r}
file = pathlib.Path(sys.argv[-1])
text = file.read_text(encoding="utf-8", errors="surrogateescape")
number = len(list(folder.glob("saw-*")))
(folder / f"saw-{{number}}").write_bytes(file.read_bytes())
(folder / "words").write_text("\\n".join(sys.argv[1:-1]))
print({prints!r}, end="\\n" if {prints!r} else "")
if interrupts:
    os.kill(os.getppid(), signal.SIGINT)
step = steps[number]
if isinstance(step, int):
    os.kill(os.getpid(), -step) if step < 0 else sys.exit(step)
elif step[1] is None:
    file.unlink()
else:
    new = step[1] if step[0] is None else text.replace(*step)
    file.with_suffix(".bak").write_text("backup")
    file.write_text(new, encoding="utf-8", errors="surrogateescape")
"""
