//! One optimisation loop: step, clip, optimizer, growth, checkpoints.
