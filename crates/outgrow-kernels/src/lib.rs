//! Devices, and the operations of a LLaMA decoder on them.
