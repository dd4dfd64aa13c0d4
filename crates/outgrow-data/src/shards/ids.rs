//! Whether ids mean the same to another tokenizer. Files may differ in what gives no other ids: blanks, a version, what
//! texts don't meet. It judges no separator.

use outgrow_tokenizer::{Reading, Tokenizer};

use crate::{error::DataError, shards::TokenShards};

/// Tokens of the first documents, by which two tokenizers are held against each other.
const COMPARED_TOKENS: u64 = 1 << 16;

/// In what another tokenizer gives other ids than that of some shards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OtherIds {
    /// An id is another token.
    Token {
        /// The first such id.
        id: u32,
        /// The shards' token.
        here: String,
        /// The other's, where it has one.
        there: Option<String>,
    },
    /// The tokens are the same, and the shards' first documents are cut into others.
    Documents,
}

impl TokenShards {
    /// In what another tokenizer gives other ids than the one of these shards; `None` where the ids of these mean the
    /// same to the other, and the shards' first documents are read alike.
    ///
    /// # Errors
    /// When the shards' tokenizer or the shards can't be read.
    pub fn other_ids(&self, other: &Tokenizer) -> Result<Option<OtherIds>, DataError> {
        let own = Tokenizer::open(&self.tokenizer_path())?;
        if other.sha256() == own.sha256() {
            return Ok(None);
        }
        for id in 0..own.vocab_size() as u32 {
            let (here, there) = (own.spelling(id), other.spelling(id));
            if let Some(here) = here.filter(|here| there.as_ref() != Some(here)) {
                return Ok(Some(OtherIds::Token { id, here, there }));
            }
        }
        let separator = self.manifest().separator.id;
        let mut first = vec![0; self.num_tokens().min(COMPARED_TOKENS) as usize];
        self.read(0, &mut first)?;
        for document in first.split(|&id| id == separator).filter(|ids| !ids.is_empty()) {
            let text = own.decode(document)?;
            if other.encode(&text, Reading::TEXT)? != own.encode(&text, Reading::TEXT)? {
                return Ok(Some(OtherIds::Documents));
            }
        }
        Ok(None)
    }
}
