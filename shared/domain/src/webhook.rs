//! The webhook engine: from a provider's post to the tasks that it causes, as pure functions
//! (contract: hookcode 4.5 and 4.6; design 5.2, 8.1, 8.3, 8.4 and 8.10).
//!
//! The order of the calls is the order of the contract's checks:
//!
//! 1. [`pre_check`]: rows 2–6, before anything is known of the sender;
//! 2. [`verify`]: row 7, on the raw bytes;
//! 3. [`open`]: the body as JSON, cross-checked against the event header, which is not signed;
//! 4. [`bind`]: rows 8–11, and what the payload may fill in on the record;
//! 5. [`decide`]: rows 14–18, mapping, guards, rules, tasks;
//! 6. [`record`]: the delivery as it is stored.
//!
//! The webhook of a whole organisation ([`crate::organisation_hook`]) has [`check_hook`] in place of step 1; after step 3,
//! [`claimed_by`] tells which repository is meant, and [`check_state`] whether that one takes webhooks.
//!
//! Whatever ends before step 2 has passed is an unverified record. [`dedupe_keys`] belong between steps 2 and 4; their
//! claims are part of the storage's transaction.

mod body;
mod check;
mod context;
mod decide;
mod dedupe;
mod guard;
mod headers;
mod identity;
mod labels;
mod mapping;
mod matching;
mod mention;
mod organisation;
mod payload;
mod prompt;
mod record;
mod refusal;
mod signature;
mod subject;
mod title;
mod trace;
mod window;

#[cfg(test)]
pub(crate) mod fixtures;

pub use body::{canonical_json, open, payload_hash};
pub use check::{Binding, Hydration, bind, check_state, pre_check};
pub use context::{Context, FIELDS, Field, FieldValue, MAX_FIELD_BYTES};
pub use decide::{ActorCandidate, Decision, MAX_TASKS, Plan, PlannedTask, ScheduleClaim, Skip, Target, decide};
pub use dedupe::{BODY_LIFE, DedupeKey, GUID_LIFE, dedupe_keys, event_of_any_hook};
pub use headers::{Incoming, MAX_HEADER_VALUE_BYTES, MAX_RECORDED_HEADERS, WebhookHeaders};
pub use mapping::{Condition, DECLARATIONS, Declaration, EventType, MappedEvent, SubType, map_event, map_on_request};
pub(crate) use matching::is_branch_field;
pub use matching::{MAX_GLOB_TEXT_BYTES, Resolved, needed_events, resolve};
pub use mention::{handle, mentions};
pub use organisation::{check_hook, claimed_by};
pub use prompt::{MAX_PROMPT_BYTES, PROMPT_VARIABLES, PromptScope, render, select_prompt};
pub use record::{Ending, Recording, TraceSource, record};
pub use refusal::Refusal;
pub use signature::{Verification, VerificationSecrets, verify};
pub use subject::{Comment, Commit, Pipeline, Release, Sender, Subject, Thread};
pub use title::{MAX_TITLE_CHARS, group_id, group_of, task_title};
pub use trace::TraceLog;
pub use window::{is_active, schedule_of};
