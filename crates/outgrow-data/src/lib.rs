//! Text to tokens to shards to batches, in an order fixed by a seed.
