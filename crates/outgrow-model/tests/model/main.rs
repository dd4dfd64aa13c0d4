//! The decoder against what `transformers` computes, and its ways of reading against its logits.

#[cfg(feature = "flex")]
mod masks;
#[cfg(feature = "flex")]
mod reading;
mod transformers_parity;
