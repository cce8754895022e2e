"""Run the command line as `python -m safedns`."""

import sys

from safedns.cli.main import main

sys.exit(main())
