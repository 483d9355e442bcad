"""`python -m badwire` is `badwire`."""

import sys

from badwire.util import import_path

import_path.isolate()  # before anything else is imported

from badwire.cli.main import main  # noqa: E402

sys.exit(main())
