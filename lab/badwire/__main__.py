"""`python -m badwire` is `badwire`."""

import sys

from badwire.cli.main import main

sys.exit(main())
