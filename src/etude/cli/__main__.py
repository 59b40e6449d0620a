"""``python -m etude.cli``: the command `etude` of this interpreter."""

import sys

from etude.cli import main

if __name__ == "__main__":
    sys.exit(main())
