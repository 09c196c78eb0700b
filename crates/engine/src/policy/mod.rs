//! Policy: rules, layers, exceptions and bands become one verdict.
