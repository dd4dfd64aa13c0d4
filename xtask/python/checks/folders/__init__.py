"""Folders with a model."""
