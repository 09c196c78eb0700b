//! Every bound of the request path, in one place, with what happens at it.

use std::time::Duration;

/// Body of one request; larger is refused with `body_too_large`.
pub const MAX_BODY: usize = 4 << 20;
/// Questions in one batch; more are refused with `batch_too_large`.
pub const MAX_BATCH: usize = 64;
/// Connections at once; further ones wait to be accepted.
pub const MAX_CONNECTIONS: usize = 16_384;
/// Requests of one HTTP/2 connection at once.
pub const MAX_STREAMS: u32 = 256;
/// Header lines of one request; more close the connection with 431.
pub const MAX_HEADERS: usize = 64;
/// Bytes of all headers of one request.
pub const MAX_HEADER_BYTES: usize = 32 << 10;
/// Time for a client to send its headers, and then for its body.
pub const HEADERS_WITHIN: Duration = Duration::from_secs(5);
pub const BODY_WITHIN: Duration = Duration::from_secs(10);
/// A kept connection on which nothing is asked for so long is closed. Above what clients and proxies
/// usually keep one for, so that they, who know what they are about to send, close first.
pub const IDLE_WITHIN: Duration = Duration::from_secs(75);
/// Time for a TLS handshake; then the connection is closed.
pub const HANDSHAKE_WITHIN: Duration = Duration::from_secs(5);
/// Names that are read of one client certificate; one with more stands for nobody.
pub const MAX_ALTERNATIVE_NAMES: usize = 64;
/// Bytes of one token of an issuer; larger are refused as wrong credentials.
pub const MAX_TOKEN_BYTES: usize = 8 << 10;
/// Keys of one issuer; a file with more is refused when it is read.
pub const MAX_KEYS_OF_ISSUER: usize = 64;
/// How far the time of a signature may be from ours, either way.
pub const SIGNATURE_WINDOW: Duration = Duration::from_secs(60);
/// Bytes of one header that a signature is read from or covers; larger are refused.
pub const MAX_SIGNATURE_BYTES: usize = 4 << 10;
/// Length of a nonce: long enough not to meet another by chance.
pub const MIN_NONCE_BYTES: usize = 16;
pub const MAX_NONCE_BYTES: usize = 128;
/// Nonces that wait to be remembered; a request beyond is refused as `unavailable`.
pub const MAX_NONCES_WAITING: usize = 1_024;
/// Nonces that are remembered in one write.
pub const MAX_NONCES_AT_ONCE: usize = 256;
/// Longest wait of one question for a person; longer wishes are cut to it.
pub const MAX_WAIT: Duration = Duration::from_secs(300);
/// For a decision and its record together; then the fail mode of the scope speaks.
pub const DECIDE_WITHIN: Duration = Duration::from_secs(5);
/// Texts above this are judged on a thread of their own, so that they do not hold up others.
pub const INLINE_BYTES: usize = 32 << 10;
/// At once on threads of their own: large texts that are judged, and what is looked up on the disk. Further
/// ones wait, within [`DECIDE_WITHIN`].
pub const MAX_LARGE: usize = 32;
/// Decisions that go on after [`DECIDE_WITHIN`] although their answer was given; beyond it they are
/// dropped where they stand.
pub const MAX_LATE: usize = 1_024;
/// So long a question whose answer came too late is not decided again under its key, while the index
/// follows.
pub const LATE_KNOWN_WITHIN: Duration = Duration::from_secs(30);
/// How soon it is looked for there, and how often at last.
pub const LATE_LOOKED_FOR_AFTER: Duration = Duration::from_millis(50);
pub const LATE_LOOKED_FOR_EVERY: Duration = Duration::from_secs(2);
/// Sessions of one agent that are kept in memory; the longest idle one makes room.
pub const MAX_SESSIONS: usize = 256;
/// Throttling rules that one agent meets at once; at the bound those that are not used up make room.
pub const MAX_THROTTLES: usize = 256;
/// Answers that are remembered for repeated questions; the oldest go first.
pub const MAX_REPLIES: usize = 20_000;
/// Bytes of an isolated run's result that is remembered with them; of a larger one only the record is.
pub const KEPT_RESULT: usize = 16 << 10;
/// After a crash at most this much of what was learned is missing. Decisions are not: they are on
/// the ledger.
pub const FACTS_SAVED_EVERY: Duration = Duration::from_secs(1);
/// Bytes of what was learned that are saved in one transaction, give or take those of one agent; more
/// goes with the next.
pub const SAVED_AT_ONCE: usize = 2 << 20;
/// A session that was idle for longer begins anew.
pub const SESSION_IDLE: Duration = Duration::from_secs(24 * 3600);
/// Sessions that an agent begins so soon after an injection was found in what it read begin tainted: a
/// new name is no way out.
pub const TAINT_CARRIED: Duration = Duration::from_secs(600);
/// How long after a decision its outcome must be reported; then a finding says that it is missing.
pub const OUTCOME_WITHIN: Duration = Duration::from_secs(900);
/// After an order of containment, how long is watched what it does; then its effect is reported.
pub const EFFECT_WITHIN: Duration = Duration::from_secs(10);
/// Orders that are watched at once; the effect of one beyond is a finding that says that nobody looked.
pub const MAX_EFFECTS: usize = 1_024;
/// Answers of the last moments that are known without the index; far more than it is ever behind.
pub const MAX_RECENT: usize = 32_768;
/// Decisions whose outcome is awaited; at the bound the oldest count as missing at once.
pub const MAX_AWAITED: usize = 100_000;
/// On shutdown, requests in progress have this long.
pub const DRAIN_WITHIN: Duration = Duration::from_secs(20);
/// For one connection to an upstream; then the next address or the next upstream gets its chance.
pub const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// From the last byte of a request to the first of its answer. Models think for minutes; this time is
/// theirs and no part of [`DECIDE_WITHIN`].
pub const ANSWER_BEGINS_WITHIN: Duration = Duration::from_secs(600);
/// Pause within an answer's body; then the stream is cut, with a record.
pub const BODY_PAUSE: Duration = Duration::from_secs(300);
/// How long an unused connection to an upstream is kept, and how many of them for each. Shorter than
/// the providers' own time, so that a request seldom meets one that is just being closed.
pub const IDLE_CONNECTION: Duration = Duration::from_secs(55);
pub const MAX_IDLE_CONNECTIONS: usize = 256;
/// Body of an answer that comes at once; a larger one is refused, and the record says so.
pub const MAX_ANSWER: usize = 16 << 20;
/// Conversations of which something is kept between two calls; the longest unused make room.
pub const MAX_TALKS: usize = 20_000;
/// Texts of one conversation that are known to have been heard; at the bound all are heard anew.
pub const MAX_HEARD: usize = 4_096;
/// Calls of one agent that are known again by their messages; the oldest make room. A conversation has one for
/// each of its turns.
pub const MAX_STITCHED: usize = 1_024;
/// Turns of a conversation that are looked at; a longer one is not known again.
pub const MAX_TURNS: usize = 1_000;
/// So long after a conversation began, another one that begins alike is noted as perhaps the same.
pub const LOW_WITHIN: Duration = Duration::from_secs(1_800);
/// Calls that wait to be made once more at a second model, and the bytes of their bodies in KiB; beyond either
/// bound a call is not mirrored, and that is counted.
pub const MAX_MIRRORS: usize = 256;
pub const MAX_MIRRORED_KIB: usize = 32 << 10;
/// Mirrored calls under way at once; further ones wait.
pub const MAX_MIRRORED_AT_ONCE: usize = 8;
/// For a mirrored call after its decision; then it counts as failed, so that a slow second model does not
/// keep the places of all.
pub const MIRRORED_WITHIN: Duration = Duration::from_secs(120);
/// Comparisons of two answers that are kept one by one; the oldest make room. The sums have all.
pub const MAX_COMPARED: usize = 1_000;
/// How long a request waits here for a person, before its caller is given a token to come back with.
pub const HELD_OPEN: Duration = Duration::from_secs(120);
/// Between two signs of life on a stream that waits. Several clients give up after 5 seconds of silence.
pub const SIGN_OF_LIFE: Duration = Duration::from_secs(2);
/// Events of a stream that wait for a verdict, and their bytes; beyond it the stream is cut.
pub const MAX_WAITING_EVENTS: usize = 20_000;
pub const MAX_WAITING_BYTES: usize = 16 << 20;
/// Times that one stream's text is judged because of what was found in it; then it is cut.
pub const MAX_FINDS: usize = 256;
/// Calls of agents by agents that are under way; one beyond is turned away.
pub const MAX_CHAINS: usize = 16_384;
