"""What is made up, and shared by makers and checks: small models, tokenizers, documents."""

import environment  # noqa: F401
