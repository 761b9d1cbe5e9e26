//! GitHub and GitLab behind one guarded HTTP client: the only crate with outgoing HTTP.
//!
//! The clients are thin and typed by us. octocrab and the gitlab crate were weighed: a robot's test makes six GETs,
//! shows the provider's raw error body (contract: hookcode 4.4) and needs rate-limit headers and one address guard
//! under every call. The libraries' models, chrono and jsonwebtoken would be paid for by every function; so they stay
//! out until far more of the two APIs is used.
//!
//! ```no_run
//! use repoplane_domain::{repository::Provider, secret::Secret};
//! use repoplane_providers::{Egress, EgressSettings, test_token};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let egress = Egress::new(EgressSettings::from_allow_list(&std::env::var("REPOPLANE_EGRESS_ALLOW")?)?);
//! let token = Secret::new("ghp_example");
//! let report = test_token(&egress, Provider::Github, None, "octo-org/octo-repo", &token).await?;
//! println!("{:?} may write: {}", report.account.username, report.can_write);
//! # Ok(())
//! # }
//! ```

mod call;
mod clean;
mod egress;
mod error;
mod github;
mod gitlab;
mod providers;
mod token_test;

pub use egress::*;
pub use error::ProviderError;
pub use providers::Providers;
pub use token_test::{TEST_TIMEOUT, TokenReport, test_token};
