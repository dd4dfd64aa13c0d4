//! How transformers opens the model of a folder: the section of its card that people copy from. It opens nothing.

use serde_json::Value;

use crate::plan::mask::MaskValues;

/// How transformers runs the model of this config.json: with its head if it has one, with its tokenizer if that lies
/// beside it, and with the code that comes with it if config.json names some.
pub fn usage(config: &Value, has_tokenizer: bool) -> String {
    let mut classes = config["architectures"].as_array().into_iter().flatten().filter_map(Value::as_str);
    // Where no head is stored, transformers would draw one.
    let has_head = classes.all(|class| !class.ends_with("Model") || class.ends_with("LMHeadModel"));
    let class = if has_head { "AutoModelForCausalLM" } else { "AutoModel" };
    let trust = if config["auto_map"].is_object() { ", trust_remote_code=True" } else { "" };
    let mut lines = vec![
        format!("from transformers import {class}{}", if has_tokenizer { ", AutoTokenizer" } else { "" }),
        String::new(),
        "folder = \".\"  # this folder, or its name on the hub".to_owned(),
    ];
    let tokenizer = format!("tokenizer = AutoTokenizer.from_pretrained(folder{trust})");
    lines.extend(has_tokenizer.then_some(tokenizer));
    lines.push(format!("model = {class}.from_pretrained(folder{trust})"));
    if has_tokenizer {
        let shown = if has_head {
            "tokenizer.decode(model.generate(**inputs, max_new_tokens=40)[0])"
        } else {
            "model(**inputs).last_hidden_state"
        };
        lines.push("inputs = tokenizer(\"Once upon a time\", return_tensors=\"pt\")".to_owned());
        lines.push(format!("print({shown})"));
    }
    section(&format!("```python\n{}\n```", lines.join("\n")))
}

/// The same of a model whose new parts are behind a mask: transformers knows nothing of masks.
pub fn behind_a_mask(mask: MaskValues) -> String {
    section(&format!(
        "Its new parts are behind a mask, which stands at {mask} (`training/mask.json`). Without it this is another model: fold it \
         into the weights first, by `outgrow export`."
    ))
}

fn section(body: &str) -> String {
    format!("\n## Use\n\n{body}\n")
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_model_is_opened_with_its_head_its_tokenizer_and_its_own_code_where_it_has_them() {
        assert_snapshot!(usage(&json!({ "architectures": ["LlamaModel"] }), true).trim(), @r#"
        ## Use

        ```python
        from transformers import AutoModel, AutoTokenizer

        folder = "."  # this folder, or its name on the hub
        tokenizer = AutoTokenizer.from_pretrained(folder)
        model = AutoModel.from_pretrained(folder)
        inputs = tokenizer("Once upon a time", return_tensors="pt")
        print(model(**inputs).last_hidden_state)
        ```
        "#);
        assert_snapshot!(usage(&json!({ "architectures": ["GPT2LMHeadModel"], "auto_map": {} }), false).trim(), @r#"
        ## Use

        ```python
        from transformers import AutoModelForCausalLM

        folder = "."  # this folder, or its name on the hub
        model = AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=True)
        ```
        "#);
    }
}
