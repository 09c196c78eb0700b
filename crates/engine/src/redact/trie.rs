//! Many texts as one tree of bytes, grown one text at a time.

/// A tree of bytes; each node knows the entries that end in it.
#[derive(Clone, Default)]
pub struct Trie {
    nodes: Vec<Node>,
}

/// Shows its size: what it holds may be originals.
impl std::fmt::Debug for Trie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Trie({} nodes)", self.nodes.len())
    }
}

#[derive(Clone, Default)]
struct Node {
    next: Vec<(u8, usize)>,
    entries: Vec<usize>,
}

impl Trie {
    pub fn add(&mut self, text: impl Iterator<Item = u8>, entry: usize) {
        if self.nodes.is_empty() {
            self.nodes.push(Node::default());
        }
        let mut node = 0;
        for byte in text {
            node = match self.step(node, byte) {
                Some(next) => next,
                None => {
                    let next = self.nodes.len();
                    self.nodes.push(Node::default());
                    if let Some(parent) = self.nodes.get_mut(node) {
                        parent.next.push((byte, next));
                    }
                    next
                }
            };
        }
        if let Some(end) = self.nodes.get_mut(node) {
            end.entries.push(entry);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    pub fn step(&self, node: usize, byte: u8) -> Option<usize> {
        self.nodes.get(node)?.next.iter().find(|(b, _)| *b == byte).map(|(_, next)| *next)
    }

    pub fn entries(&self, node: usize) -> &[usize] {
        self.nodes.get(node).map(|n| n.entries.as_slice()).unwrap_or_default()
    }

    /// The longest text of the tree that stands at `at`: its end and one of its entries.
    pub fn longest(&self, bytes: &[u8], at: usize) -> Option<(usize, usize)> {
        let (mut node, mut best) = (0, None);
        for (length, byte) in bytes.get(at..)?.iter().enumerate() {
            let Some(next) = self.step(node, *byte) else { break };
            node = next;
            best = self.entries(node).first().map(|entry| (at + length + 1, *entry)).or(best);
        }
        best
    }

    pub fn is_leaf(&self, node: usize) -> bool {
        self.nodes.get(node).is_none_or(|n| n.next.is_empty())
    }
}
