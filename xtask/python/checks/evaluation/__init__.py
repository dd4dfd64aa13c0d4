"""Benchmarks, against lm-evaluation-harness."""
