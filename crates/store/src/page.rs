//! Pages: each list is read by key, a bounded number of rows at a time.

/// The greatest number of rows in one answer, 1 to 500.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(u16);

impl Limit {
    pub const MOST: Limit = Limit(500);

    /// The nearest limit that is allowed.
    pub const fn new(rows: u16) -> Self {
        if rows == 0 {
            Limit(1)
        } else if rows > Self::MOST.0 {
            Self::MOST
        } else {
            Limit(rows)
        }
    }

    pub const fn rows(self) -> u16 {
        self.0
    }

    /// What to ask the database for: the extra row says that there is another page.
    pub(crate) fn one_more(self) -> i64 {
        i64::from(self.0) + 1
    }
}

impl Default for Limit {
    fn default() -> Self {
        Limit(50)
    }
}

/// Some rows, and the key to ask for those behind them. No `next` means that these are the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, K> {
    pub items: Vec<T>,
    pub next: Option<K>,
}

impl<T, K> Page<T, K> {
    /// From the rows of [`Limit::one_more`].
    pub(crate) fn of(mut items: Vec<T>, limit: Limit, key: impl Fn(&T) -> K) -> Self {
        let more = items.len() > usize::from(limit.rows());
        items.truncate(usize::from(limit.rows()));
        let next = if more { items.last().map(key) } else { None };
        Page { items, next }
    }
}

/// How many rows there are. Counting stops at a bound, so that a count costs no more than a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Total {
    Exactly(u64),
    AtLeast(u64),
}
