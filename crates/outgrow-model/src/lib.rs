//! A LLaMA-style decoder whose parameters carry Hugging Face's names.
