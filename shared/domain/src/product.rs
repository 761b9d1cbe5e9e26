//! Products: repositories of code under one name, with what they are for (contract: nautes 3).

use crate::provisioning::Provisioned;
use crate::repository::{CreateRepository, RemotePlace};
use serde::{Deserialize, Serialize};

mod code;
mod connect;
mod connected;
mod git;
mod naming;
mod project;
mod record;
mod refused;
mod selector;

pub use code::{MAX_EVENTS, SaveCodeRepo, WEBHOOK_EVENTS};
pub use connect::{MAX_OWNER_BYTES, PatchProduct};
pub use connected::{AskedProject, ProjectFacts};
pub use git::{GitSide, SaidGit, invalid_body};
pub use naming::{MAX_PATH_BYTES, RESERVED_PATH, need_path};
pub use project::{MAX_LANGUAGE_BYTES, MAX_PROJECT_BYTES, Project};
pub use record::{
    DEFAULT_GIT_BASE, MAX_PRODUCT_MEMBERS, Product, ProductGit, ProviderConnection, SaveProduct, is_base_url, ssh_url,
};
pub use refused::{need_removable, resource_in_use, unknown_project};
pub use selector::{MAX_SELECTOR_BYTES, Selector, read_boolean};

/// The namespace of a product's repositories.
pub fn namespace_of(product: &str) -> String {
    format!("product/{product}")
}

/// The product of a namespace; `None` for one of another kind.
pub fn product_of(namespace: &str) -> Option<&str> {
    namespace.strip_prefix("product/")
}

/// Who may see a repository at its provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the providers' words")]
pub enum Visibility {
    Public,
    Internal,
    Private,
}

impl Visibility {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Private => "private",
        }
    }
}

/// What a product knows of one of its repositories.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeRepo {
    /// The project of the product that it belongs to; empty for none.
    #[serde(default)]
    pub project: String,
    /// What its webhook is to send, in GitLab's words (contract: nautes 6.2).
    #[serde(default)]
    pub webhook_events: Vec<String>,
    /// Deployments are described in it.
    #[serde(default)]
    pub deployment_runtime: bool,
    /// Pipelines run from it.
    #[serde(default)]
    pub pipeline_runtime: bool,
    /// Its name for people at the provider; its path there is the record's name.
    pub display_name: String,
    /// Who may see it there; what the provider sets by itself while nothing was said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub visibility: Option<Visibility>,
    /// The project that was made or taken over for it at its product's provider.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub provisioned: Option<Provisioned>,
}

impl CreateRepository {
    /// A repository of a product.
    pub fn in_product(product: &str, name: String, place: RemotePlace, code: CodeRepo) -> Self {
        Self { product: Some(code), ..Self::at(namespace_of(product), name, place) }
    }
}
