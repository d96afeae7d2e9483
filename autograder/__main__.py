"""The program ``autograder``: the command line, or a word on what it needs to start."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command; where a package is missing, say which extra brings it."""
    try:
        from autograder.cli import app

        app()
    except ModuleNotFoundError as error:
        missing = str(error.name).split(".")[0]
        if missing in {"autograder", "dlcore"}:
            raise  # a mistake of ours
        extra = "course" if missing in {"typer", "rich", "jupyterlab", "voila"} else "grade"
        print(f"error: this needs {missing}, which is not installed", file=sys.stderr)
        print(f'next:  pip install "dlcourse[{extra}]"', file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
