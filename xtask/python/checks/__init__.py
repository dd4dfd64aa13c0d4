"""What holds the program against other tools."""

import environment  # noqa: F401
