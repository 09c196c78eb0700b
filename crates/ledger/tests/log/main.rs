//! The log as a whole, on a disk that fails: what was acknowledged stays, what was lost is said.

mod appending;
mod canonical;
mod crash;
mod damage;
mod disk;
mod faults;
mod histories;
mod shards;
mod support;
