//! The risk score: seven dimensions, one integer from 0 to 100.
