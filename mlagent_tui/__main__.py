"""`mlagent` and `python -m mlagent_tui`: an interruption is an exit status from the first moment on."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line; its imports take a while, and Ctrl-C may come during them as well."""
    try:
        from mlagent_tui.cli import main as run

        return run()
    except KeyboardInterrupt:
        print("mlagent: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
