//! Amazon Bedrock's InvokeModel: the body is what the maker of the model speaks.
//!
//! Anthropic's is known. Of any other maker's every text is unknown, and judged as such.

use super::{Dialect, Family, Stream, anthropic};
use crate::shape::Shape::Fields as Of;
use crate::shape::UNKNOWN;
use crate::usage::Tells;

pub static ANTHROPIC: Dialect = Dialect {
    name: "bedrock_anthropic",
    family: Family::Amazon,
    request: Of(&anthropic::REQUEST),
    answer: Of(&anthropic::ANSWER),
    event: Of(&anthropic::EVENT),
    stream: Stream::AwsChunks,
    ends_with: None,
    tells: &anthropic::TELLS,
};

pub static ANY: Dialect = Dialect {
    name: "bedrock_invoke",
    family: Family::Amazon,
    request: UNKNOWN,
    answer: UNKNOWN,
    event: UNKNOWN,
    stream: Stream::AwsChunks,
    ends_with: None,
    tells: &Tells::NOTHING,
};
