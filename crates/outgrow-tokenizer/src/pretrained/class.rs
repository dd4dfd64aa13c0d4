//! Which of transformers' tokenizer classes a folder gets: `AutoTokenizer.from_pretrained` of transformers 5.24.0, from
//! tokenizer_config.json and config.json. What the classes do is not known here.

use serde_json::Value;

/// The classes that are known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenizerClass {
    /// `TokenizersBackend`, which `PreTrainedTokenizerFast` is another name of: tokenizer.json as it is.
    Generic,
    /// `LlamaTokenizer`.
    Llama,
    /// `GPT2Tokenizer`.
    Gpt2,
    /// `GPTNeoXTokenizer`.
    GptNeoX,
    /// `Qwen2Tokenizer`.
    Qwen2,
    /// `CohereTokenizer`.
    Cohere,
    /// Another, of which nothing is known but this name; tokenizer.json is taken as it is.
    Untested(String),
}

/// Names of the generic class, and of classes that are gone and stand for it.
const GENERIC: [&str; 4] = ["TokenizersBackend", "PythonBackend", "PreTrainedTokenizer", "BloomTokenizer"];

/// Model types whose class is the generic one, whatever class a file names.
const GENERIC_TYPES: [&str; 37] = [
    "flex_olmo",
    "glm",
    "glm4",
    "glm4_moe",
    "gpt_bigcode",
    "granite",
    "granitemoe",
    "granitemoehybrid",
    "granitemoeshared",
    "kimi_linear",
    "ministral",
    "ministral3",
    "mistral",
    "mistral3",
    "mixtral",
    "olmo2",
    "olmo3",
    "olmo_hybrid",
    "persimmon",
    "stablelm",
    "arctic",
    "ernie4_5",
    "ernie4_5_moe",
    "internlm2",
    "internlm3",
    "jamba",
    "llava",
    "minicpm3",
    "minimax_m2",
    "modernbert",
    "modernbert-decoder",
    "nemotron",
    "phi3",
    "phimoe",
    "smolvlm",
    "umt5",
    "vipllava",
];

/// Model types that have one of the five classes.
const TYPES: [(&str, TokenizerClass); 24] = [
    ("codegen", TokenizerClass::Gpt2),
    ("dbrx", TokenizerClass::Gpt2),
    ("gpt2", TokenizerClass::Gpt2),
    ("gpt_neo", TokenizerClass::Gpt2),
    ("gptj", TokenizerClass::Gpt2),
    ("jais2", TokenizerClass::Gpt2),
    ("opt", TokenizerClass::Gpt2),
    ("phi", TokenizerClass::Gpt2),
    ("starcoder2", TokenizerClass::Gpt2),
    ("falcon_mamba", TokenizerClass::GptNeoX),
    ("gpt_neox", TokenizerClass::GptNeoX),
    ("mamba", TokenizerClass::GptNeoX),
    ("mamba2", TokenizerClass::GptNeoX),
    ("mpt", TokenizerClass::GptNeoX),
    ("olmo", TokenizerClass::GptNeoX),
    ("olmoe", TokenizerClass::GptNeoX),
    ("qwen2", TokenizerClass::Qwen2),
    ("qwen2_moe", TokenizerClass::Qwen2),
    ("qwen2_vl", TokenizerClass::Qwen2),
    ("qwen3", TokenizerClass::Qwen2),
    ("qwen3_moe", TokenizerClass::Qwen2),
    ("qwen3_next", TokenizerClass::Qwen2),
    ("cohere", TokenizerClass::Cohere),
    ("cohere2", TokenizerClass::Cohere),
];

/// The model type whose files are known to name wrong classes, so that its own is taken.
const INSISTS: &str = "qwen2";

impl TokenizerClass {
    /// The class of a folder; `byte_level` says whether its tokenizer.json has the word `"ByteLevel"`.
    pub(super) fn of(tokenizer_config: &Value, config: &Value, byte_level: bool) -> Self {
        let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let own_code = match tokenizer_config.get("auto_map") {
            None | Some(Value::Null) => false,
            Some(Value::Object(map)) => map.get("AutoTokenizer").is_some_and(|class| !class.is_null()),
            Some(_) => true,
        };
        let named = text(tokenizer_config, "tokenizer_class").or_else(|| text(config, "tokenizer_class"));
        let named = named.filter(|name| !name.is_empty()).map(|name| Self::from_name(&name));
        let model_type = text(config, "model_type").unwrap_or_default();
        let registered = TYPES.iter().find(|(name, _)| *name == model_type).map(|(_, class)| class.clone());
        let generic_type = GENERIC_TYPES.contains(&model_type.as_str());
        match (named, registered) {
            // A class of the folder's own is code, which isn't run.
            (Some(class), _) if own_code => class,
            (None, _) if own_code => Self::Untested("auto_map".into()),
            (Some(_), _) if generic_type => Self::Generic,
            (Some(Self::Llama), _) if byte_level && model_type != INSISTS => Self::Generic,
            (Some(class), Some(registered)) if class != registered && model_type == INSISTS => registered,
            (Some(class), _) => class,
            (None, Some(registered)) => registered,
            (None, None) if generic_type || matches!(model_type.as_str(), "" | "llama") => Self::Generic,
            (None, None) => Self::Untested(format!("model type {model_type}")),
        }
    }

    /// By its name, with or without `Fast` at its end.
    fn from_name(name: &str) -> Self {
        match name.strip_suffix("Fast").unwrap_or(name) {
            "LlamaTokenizer" => Self::Llama,
            "GPT2Tokenizer" => Self::Gpt2,
            "GPTNeoXTokenizer" => Self::GptNeoX,
            "Qwen2Tokenizer" => Self::Qwen2,
            "CohereTokenizer" => Self::Cohere,
            short if GENERIC.contains(&short) => Self::Generic,
            _ => Self::Untested(name.to_owned()),
        }
    }

    /// Its name in transformers.
    pub fn name(&self) -> &str {
        match self {
            Self::Generic => "TokenizersBackend",
            Self::Llama => "LlamaTokenizer",
            Self::Gpt2 => "GPT2Tokenizer",
            Self::GptNeoX => "GPTNeoXTokenizer",
            Self::Qwen2 => "Qwen2Tokenizer",
            Self::Cohere => "CohereTokenizer",
            Self::Untested(name) => name,
        }
    }
}
