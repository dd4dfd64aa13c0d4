//! A SentencePiece model (`tokenizer.model`): its pieces and settings, read from protobuf. Only what a conversion needs
//! is declared (`sentencepiece_model.proto` of google/sentencepiece). It converts nothing.

use prost::Message;

use crate::pretrained::special_token::AddedToken;

#[derive(Clone, PartialEq, Message)]
pub(super) struct SentencePieceModel {
    #[prost(message, repeated, tag = "1")]
    pub pieces: Vec<Piece>,
    #[prost(message, optional, tag = "2")]
    trainer_spec: Option<TrainerSpec>,
    #[prost(message, optional, tag = "3")]
    normalizer_spec: Option<NormalizerSpec>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Piece {
    #[prost(string, optional, tag = "1")]
    piece: Option<String>,
    #[prost(float, optional, tag = "2")]
    score: Option<f32>,
    #[prost(enumeration = "PieceType", optional, tag = "3")]
    r#type: Option<i32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(super) enum PieceType {
    Normal = 1,
    Unknown = 2,
    Control = 3,
    UserDefined = 4,
    Unused = 5,
    Byte = 6,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TrainerSpec {
    /// 1 is unigram, 2 is BPE.
    #[prost(int32, optional, tag = "3", default = "1")]
    pub model_type: Option<i32>,
    #[prost(bool, optional, tag = "35")]
    pub byte_fallback: Option<bool>,
    #[prost(int32, optional, tag = "40", default = "0")]
    pub unk_id: Option<i32>,
    #[prost(int32, optional, tag = "41", default = "1")]
    pub bos_id: Option<i32>,
    #[prost(int32, optional, tag = "42", default = "2")]
    pub eos_id: Option<i32>,
    #[prost(string, optional, tag = "45", default = "<unk>")]
    pub unk_piece: Option<String>,
    #[prost(string, optional, tag = "46", default = "<s>")]
    pub bos_piece: Option<String>,
    #[prost(string, optional, tag = "47", default = "</s>")]
    pub eos_piece: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct NormalizerSpec {
    #[prost(bytes = "vec", optional, tag = "2")]
    pub precompiled_charsmap: Option<Vec<u8>>,
    #[prost(bool, optional, tag = "3", default = "true")]
    pub add_dummy_prefix: Option<bool>,
    #[prost(bool, optional, tag = "4", default = "true")]
    pub remove_extra_whitespaces: Option<bool>,
    #[prost(bool, optional, tag = "5", default = "true")]
    pub escape_whitespaces: Option<bool>,
}

impl SentencePieceModel {
    /// From a file's bytes.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let none = "it is no SentencePiece model (a tokenizer.model of Llama 3 is one of tiktoken's)";
        let model = Self::decode(bytes).ok().filter(|model| !model.pieces.is_empty());
        model.ok_or_else(|| none.to_owned())
    }

    pub(super) fn trainer(&self) -> TrainerSpec {
        self.trainer_spec.clone().unwrap_or_default()
    }

    pub(super) fn normalizer(&self) -> NormalizerSpec {
        self.normalizer_spec.clone().unwrap_or_default()
    }

    /// Control tokens, which are special, and user-defined ones, which aren't.
    pub(super) fn special_tokens(&self) -> Vec<AddedToken> {
        let token = |piece: &Piece| {
            let special = match piece.r#type() {
                PieceType::Control => true,
                PieceType::UserDefined => false,
                PieceType::Normal | PieceType::Unknown | PieceType::Unused | PieceType::Byte => return None,
            };
            Some(AddedToken { special, normalized: Some(false), ..AddedToken::special(piece.piece()) })
        };
        self.pieces.iter().filter_map(token).collect()
    }
}
