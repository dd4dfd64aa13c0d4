//! Training as stages: growth, freezing, learning rate, and FLOPs.
