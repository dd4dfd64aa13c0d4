"""What is measured and compared against, as an expert of the peer would use it."""

import environment  # noqa: F401
