"""`hongyan` and `python -m hongyan`."""

import os
import sys

from hongyan.cli.app import run


def main() -> None:
    """Run the command line of this process."""
    sys.exit(run(sys.argv[1:], os.environ))


if __name__ == "__main__":
    main()
