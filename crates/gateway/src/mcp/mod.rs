//! The `mcp` story: tools of other servers, judged message by message.
//!
//! ```text
//! agent ─ POST /mcp/{server} ─► messages ─► outbound: one action each, at the one door ─► server
//!       ◄─ JSON or events ─── inbound: results judged, definitions pinned ◄──────────────┘
//! ```
//!
//! Nothing is kept for a session but what its sealed id carries. What no rule changes goes on byte for
//! byte. Start with [`outbound`], then [`inbound`]; [`pins`] holds what servers say their tools are.

mod a2a;
pub mod card;
mod chain;
mod events;
pub mod inbound;
pub mod judge;
mod leg;
mod many;
pub mod message;
pub mod outbound;
pub mod pins;
mod protocol;
mod proxy;
pub mod refusal;
mod routes;
pub mod schema;
pub mod seal;
pub mod settings;
pub mod splice;
mod waiting;

use std::sync::Arc;

use crate::guard::Guard;
use crate::refuse::Refusal;
use crate::token::Tokens;

pub use a2a::{Agents, router as agents_router};
pub use chain::Chains;
pub use leg::Legs;
pub use pins::{Definition, Offer, Pin, PinStore, Pins};
pub use protocol::{A2A, MCP, Protocol};
pub use routes::router;
pub use seal::Seal;
pub use settings::Settings;
pub use waiting::Waiting;

/// What the story needs.
pub struct Mcp {
    pub guard: Arc<Guard>,
    pub protocol: &'static Protocol,
    pub settings: Settings,
    pub pins: Arc<Pins>,
    pub tokens: Tokens,
    pub seal: Seal,
    pub waiting: Waiting,
    pub legs: Legs,
}

impl Mcp {
    /// Counts a caller that was not let in.
    fn stranger(&self, refusal: Refusal) -> Refusal {
        self.guard.meter.refused(refusal.code());
        refusal
    }
}
