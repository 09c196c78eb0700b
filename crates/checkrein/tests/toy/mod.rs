//! A classifier of two layers in an ONNX file, written byte by byte, with its tokenizer: it
//! objects to any text with the word `forget`.

/// Words by token.
const VOCABULARY: [&str; 6] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "forget", "weather"];

pub fn tokenizer() -> Vec<u8> {
    let vocabulary: serde_json::Map<String, serde_json::Value> =
        VOCABULARY.iter().enumerate().map(|(id, word)| ((*word).to_owned(), id.into())).collect();
    let file = serde_json::json!({
        "normalizer": { "type": "BertNormalizer", "lowercase": true },
        "pre_tokenizer": { "type": "BertPreTokenizer" },
        "model": { "type": "WordPiece", "unk_token": "[UNK]", "vocab": vocabulary },
    });
    file.to_string().into_bytes()
}

pub fn model() -> Vec<u8> {
    // The first column is what the model objects to. Padding would be objected to as well, were
    // it not for the mask: a model that is run without its mask finds everything harmful.
    let embedding: Vec<f32> = VOCABULARY
        .iter()
        .flat_map(|word| if matches!(*word, "forget" | "[PAD]") { [1., 0.] } else { [0., 1.] })
        .collect();
    let nodes = [
        node("Gather", &["embedding", "input_ids"], "embedded", &[]),
        node("Cast", &["attention_mask"], "mask", &[whole("to", 1)]),
        node("Unsqueeze", &["mask"], "mask_column", &[wholes("axes", &[2])]),
        node("Mul", &["embedded", "mask_column"], "masked", &[]),
        node("MatMul", &["masked", "first"], "first_sum", &[]),
        node("Relu", &["first_sum"], "first_out", &[]),
        node("ReduceMax", &["first_out"], "pooled", &[wholes("axes", &[1]), whole("keepdims", 0)]),
        node("MatMul", &["pooled", "second"], "second_sum", &[]),
        node("Add", &["second_sum", "bias"], "logits", &[]),
    ];
    let weights = [
        tensor("embedding", &[VOCABULARY.len() as u64, 2], &embedding),
        tensor("first", &[2, 2], &[1., 0., 0., 1.]),
        tensor("second", &[2, 2], &[-8., 8., 0., 0.]),
        tensor("bias", &[2], &[4., -4.]),
    ];
    let mut graph = Vec::new();
    nodes.iter().for_each(|node| bytes(&mut graph, 1, node));
    bytes(&mut graph, 2, b"toy");
    weights.iter().for_each(|weight| bytes(&mut graph, 5, weight));
    bytes(&mut graph, 11, &value("input_ids", 7, &[Some(1), None]));
    bytes(&mut graph, 11, &value("attention_mask", 7, &[Some(1), None]));
    bytes(&mut graph, 12, &value("logits", 1, &[Some(1), Some(2)]));
    let mut version = Vec::new();
    number(&mut version, 2, 11);
    let mut model = Vec::new();
    number(&mut model, 1, 6);
    bytes(&mut model, 7, &graph);
    bytes(&mut model, 8, &version);
    model
}

/// The format has numbers and lengths of seven bits a byte, and fields as number and kind.
fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value > 127 {
        out.push((value & 127) as u8 | 128);
        value >>= 7;
    }
    out.push(value as u8);
}

fn number(out: &mut Vec<u8>, field: u64, value: u64) {
    varint(out, field << 3);
    varint(out, value);
}

fn bytes(out: &mut Vec<u8>, field: u64, content: &[u8]) {
    varint(out, field << 3 | 2);
    varint(out, content.len() as u64);
    out.extend(content);
}

fn node(operator: &str, inputs: &[&str], output: &str, attributes: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    inputs.iter().for_each(|input| bytes(&mut out, 1, input.as_bytes()));
    bytes(&mut out, 2, output.as_bytes());
    bytes(&mut out, 3, output.as_bytes());
    bytes(&mut out, 4, operator.as_bytes());
    attributes.iter().for_each(|attribute| bytes(&mut out, 5, attribute));
    out
}

fn whole(name: &str, value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    bytes(&mut out, 1, name.as_bytes());
    number(&mut out, 3, value);
    number(&mut out, 20, 2);
    out
}

fn wholes(name: &str, values: &[u64]) -> Vec<u8> {
    let mut out = Vec::new();
    bytes(&mut out, 1, name.as_bytes());
    values.iter().for_each(|value| number(&mut out, 8, *value));
    number(&mut out, 20, 7);
    out
}

fn tensor(name: &str, shape: &[u64], values: &[f32]) -> Vec<u8> {
    let mut out = Vec::new();
    shape.iter().for_each(|size| number(&mut out, 1, *size));
    number(&mut out, 2, 1);
    bytes(&mut out, 8, name.as_bytes());
    bytes(&mut out, 9, &values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>());
    out
}

/// An input or output; a size that is not given is the number of tokens.
fn value(name: &str, element: u64, shape: &[Option<u64>]) -> Vec<u8> {
    let mut sizes = Vec::new();
    for size in shape {
        let mut one = Vec::new();
        match size {
            Some(size) => number(&mut one, 1, *size),
            None => bytes(&mut one, 2, b"tokens"),
        }
        bytes(&mut sizes, 1, &one);
    }
    let mut table = Vec::new();
    number(&mut table, 1, element);
    bytes(&mut table, 2, &sizes);
    let mut kind = Vec::new();
    bytes(&mut kind, 1, &table);
    let mut out = Vec::new();
    bytes(&mut out, 1, name.as_bytes());
    bytes(&mut out, 2, &kind);
    out
}
