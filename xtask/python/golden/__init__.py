"""What writes the files that tests read."""

import environment  # noqa: F401
