//! GitHub, GitLab and plain Git remotes behind one guarded client: the only crate with outgoing HTTP, ssh and `git://`.
//!
//! The clients are thin and typed by us. octocrab and the gitlab crate were weighed: what is asked needs the provider's
//! raw error body (contract: hookcode 4.4), rate-limit headers, and one address guard under every call, and takes some
//! twenty endpoints of which a few fields each are read. The libraries' models would be paid for by every function.
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

mod activity;
mod call;
mod clean;
mod deploy_key;
mod egress;
mod error;
mod fault;
mod git;
mod github;
mod gitlab;
mod history;
mod hooks;
mod issuer_keys;
mod listing;
mod meta;
mod models;
mod paging;
mod providers;
mod provision;
mod take_back;
mod target;
mod token_test;
mod untrusted;
mod walk;

pub use activity::{Activity, ActivityPages, Change, Commit, MAX_ACTIVITY_PAGE, Page};
pub use deploy_key::{DeployKeyPair, new_deploy_key};
pub use egress::*;
pub use error::{ErrorAnswer, ProviderError, Service};
pub use fault::Fault;
pub use git::{Head, MAX_HEADS, RemoteRefs, Verified, VerifyError, verify_remote};
pub use history::{HISTORY_PAGE, HistoryCommit, HistoryPage, MAX_COMMIT_MESSAGE, NamedBranch};
pub use hooks::{HookSpec, LastDelivery, MAX_HOOK_DELIVERIES, MAX_HOOKS, ProviderHook};
pub use issuer_keys::{
    ASK_PAUSE, FETCH_TIMEOUT, FIRST_ASK_PAUSE, FetchedKeys, KEYS_LIFE, MAX_DOCUMENT_BYTES, STALE_LIFE,
};
pub use listing::{ListedRepository, REPOSITORY_PAGE, RepositoryPage};
pub use meta::{Heads, Identity, Meta, Visibility};
pub use models::{MAX_MODEL_ID, MAX_MODELS, ModelList, ModelSource};
pub use providers::{Providers, QUESTION_TIMEOUT};
pub use provision::{
    Created, DeployKey, DeployKeySpec, Home, MAX_DEPLOY_KEYS, OwnerKind, ProjectOwner, ProjectSpec, ProviderProject,
};
pub use take_back::{NotTakenBack, OurHook, Step};
pub use target::{Answered, Target};
pub use token_test::{TEST_TIMEOUT, TokenReport, test_token};
pub use untrusted::{LoginRefusal, Untrusted};
pub use walk::{BranchHead, WALK_TIMEOUT};
