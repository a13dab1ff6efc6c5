"""`python -m signatures.build`, or `python signatures/build`, from the root of the repository."""

import sys
from pathlib import Path

if not __package__:  # run as a folder: Python put this folder on the path, where its modules would hide others
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from signatures.build.build import main

sys.exit(main())
