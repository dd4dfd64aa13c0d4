//! What the processor can multiply by itself. Loops choose their vectors elsewhere (dispatch.rs).

/// Whether the processor has AVX512-BF16.
#[cfg(target_arch = "x86_64")]
pub(crate) fn processor_multiplies_bf16() -> bool {
    is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bf16")
}

/// Whether the processor has AVX512-BF16: it is another kind.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn processor_multiplies_bf16() -> bool {
    false
}
