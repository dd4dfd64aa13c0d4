"""Folders, tokenizers, corpora and runs as people have them, in tables."""
