"""`python -m mlagent_tui` is `mlagent`."""

import sys

from mlagent_tui.cli import main

if __name__ == "__main__":
    sys.exit(main())
