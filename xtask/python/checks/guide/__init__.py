"""The guide, as a newcomer follows it."""
