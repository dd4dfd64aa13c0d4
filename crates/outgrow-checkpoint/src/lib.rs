//! LLaMA configurations and Hugging Face checkpoint folders, in and out.
