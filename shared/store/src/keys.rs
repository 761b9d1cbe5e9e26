//! Every key of the table, built and parsed here and nowhere else.
//!
//! One table, keys `pk` and `sk`, TTL on `expires_at`; four sparse indexes. RRU are read units for items up to 4 KB,
//! strongly consistent unless said otherwise; WRU are write units per KB, doubled inside a transaction.
//!
//! | access pattern | index | key | cost |
//! | --- | --- | --- | --- |
//! | decision set of a repository | table | pk=`REPO#{rep}`, sk begins `D#` | 1 Query, 1 RRU / 4 KB |
//! | one task, with record, members and delivery summary | table | BatchGet of pk=`REPO#{rep}`, sk=`TASK#{tsk}`, … | 1 RRU / 4 KB each |
//! | who may read a repository's lists (cached 30 s) | table | BatchGet of record and members | 1 RRU / 4 KB each |
//! | tasks of a repository, newest first | table | pk=`REPO#{rep}`, sk begins `TASK#`, backwards | 0.5 RRU / 4 KB |
//! | skills of a repository, newest first or the other way round | table | pk=`REPO#{rep}`, sk begins `SKILL#` | 0.5 RRU / 4 KB |
//! | one skill, with record and members | table | BatchGet of pk=`REPO#{rep}`, sk=`SKILL#{skl}`, … | 1 RRU / 4 KB each |
//! | packages of a repository, in up to 64 lists | table | pk=`REPO#{rep}`, sk begins `PACKAGES#` | 1 RRU / 4 KB, compressed: about 20 bytes a package |
//! | when packages of a platform may be asked for again | table | pk=`PACKAGESASKED#{tnt}#{platform}`, sk=`-` | 1 RRU, 2 WRU |
//! | name of a skill taken? | table | pk=`REPO#{rep}`, sk=`SKILLNAME#{name}` | condition only |
//! | task group | table | pk=`REPO#{rep}`, sk=`GROUP#{grp}` | written, not read |
//! | claim of a scheduled task | table | pk=`REPO#{rep}`, sk=`SCHEDULED#{rob}#{rule}` | condition only |
//! | repository and delivery of a task (immutable, cached) | table | pk=`LOCATOR#{tsk}`, sk=`-` | 0.5 RRU once |
//! | open tasks and groups of a repository, counted | `open` | open_pk=`OPEN#{rep}`, open_sk begins `TASK#` or `GROUP#` | 1 Query of keys, 0.5 RRU / 4 KB |
//! | what waits in the outbox: tasks that no queue has yet, operational events that are not sent yet | `undispatched` | undispatched_pk=`UNDISPATCHED#{shard}`, undispatched_sk=`{time}#{tsk or evt}` | 0.5 RRU / 4 KB of keys |
//! | tasks of the outbox, with the records of their repositories | table | BatchGet of pk=`REPO#{rep}`, sk=`TASK#{tsk}`, … | 1 RRU / 4 KB each |
//! | operational events of the outbox, and the tokens that they are about | table | BatchGet of pk=`EVENT#{evt}`, sk=`-`, … | 1 RRU / 4 KB each; deleted once sent, 1 WRU / KB and 1 for the index |
//! | repositories whose sync is due | `due` | due_pk=`DUE#{shard}`, due_sk=`{time}#{rep}` | 0.5 RRU / 4 KB of keys |
//! | repositories of a tenant, oldest first | table | pk=`ROSTER#{tnt}`, sk=`{rep}`, then BatchGet of records and states | 0.5 RRU / 4 KB + 0.5 RRU / 4 KB each |
//! | repository of a number (immutable, cached) | table | pk=`NUMBER#{tnt}#{number}`, sk=`REPOSITORY` | 1 RRU once |
//! | repositories of a product or a platform | table | pk=`NAMESPACE#{tnt}#{namespace}`, sk=`{rep}`, then BatchGet of records | 1 RRU / 4 KB + 1 RRU / 4 KB each |
//! | products of a tenant | table | pk=`PRODUCTS#{tnt}`, sk=`{product}` | 1 RRU / 4 KB |
//! | one product | table | pk=`PRODUCTS#{tnt}`, sk=`{product}` | 1 RRU |
//! | projects of a product | table | pk=`PRODUCT#{tnt}#{product}`, sk begins `PROJECT#` | 1 RRU / 4 KB |
//! | repositories and projects of a product, counted | table | pk=`PRODUCT#{tnt}#{product}`, sk=`USES` | condition only |
//! | repositories of a project, counted | table | pk=`PRODUCT#{tnt}#{product}`, sk=`USES#{project}` | condition only |
//! | user of a number (immutable, cached) | table | pk=`NUMBER#{tnt}#{number}`, sk=`USER` | 1 RRU once |
//! | platform with its relations | table | pk=`PLATFORMS#{tnt}`, sk=`{number}` | 1 RRU / 4 KB |
//! | platforms of a tenant, oldest first | table | pk=`PLATFORMS#{tnt}` | 1 RRU / 4 KB |
//! | group with its members | table | pk=`GROUPS#{tnt}`, sk=`{number}` | 1 RRU / 4 KB |
//! | groups of a tenant, oldest first | table | pk=`GROUPS#{tnt}` | 1 RRU / 4 KB |
//! | repositories of a platform, what a group owns, the tenant's groups and trusted hosts: counted | table | pk=`COUNTER#{tnt}`, sk=`{what}#{number}` | condition only |
//! | project with the repositories that it is in | table | pk=`PROJECT#{tnt}#{number}`, sk=`-` | 1 RRU / 4 KB |
//! | projects of a tenant, newest first | `lists` | list_pk=`PROJECTS#{tnt}`, list_sk=`{number}`, backwards | 0.5 RRU / 4 KB |
//! | projects of a repository by name | table | pk=`REPO#{rep}`, sk begins `PROJECT#`, then BatchGet of projects | 1 RRU / 4 KB + 1 RRU / 4 KB each |
//! | name of a platform or of an owner's project, or of a project on a platform, taken? | table | pk=`UNIQUE#{tnt}#{what}#{text}`, sk=`-` | condition; 1 RRU to find it by name |
//! | repositories of an address, their own or a second one | table | pk=`REMOTE#{tnt}#{sha256}`, sk=`{rep}` | 1 RRU / 4 KB |
//! | what lists of review tools look at, of all repositories (cached 30 s) | table | pk=`ROSTER#{tnt}` | 0.5 RRU / 4 KB, about 13 repositories each |
//! | repositories of a tenant by time of change | `lists` | list_pk=`REPOS#{tnt}#{active or archived}`, list_sk=`{updated_at}#{rep}`, backwards | 0.5 RRU / 4 KB |
//! | repositories of a member, with the role | table | pk=`MEMBERSHIPS#{tnt}#{usr}`, sk=`{rep}`, then BatchGet of records | 0.5 RRU / 4 KB + 0.5 RRU each |
//! | name, identity, user name taken? | table | pk=`UNIQUE#{tnt}#{what}#{text}`, sk=`-` | condition only |
//! | idempotency record of a call | table | pk=`IDEMPOTENCY#{tnt}#{usr}#{key}`, sk=`-` | condition; 1 RRU / 4 KB for a repeat |
//! | next small number | table | pk=`COUNTER#{tnt}`, sk=`{what}` | 1 WRU |
//! | deliveries of a repository, newest first | table | pk=`DELIVERIES#{rep}`, sk=`{dlv}`, backwards | 0.5 RRU / 4 KB |
//! | open tasks of a delivery, counted off when one ends | table | pk=`DELIVERIES#{rep}`, sk=`{dlv}` | 1 RRU, 2 WRU; the last one 2 WRU / KB of the body |
//! | a delivery whole | table | pk=`DELIVERY#{dlv}`, sk=`DETAIL`, `BODY#{nnn}` | 1 Query, 0.5 RRU / 4 KB |
//! | accepted twin of a delivery | table | pk=`TWIN#{rep}#{key}`, sk=`-` | condition only |
//! | webhook of an organisation (cached 30 s) | table | pk=`HOOK#{hok}`, sk=`-` | 1 RRU / 4 KB |
//! | webhooks of a tenant's organisations, newest first | `lists` | list_pk=`HOOKS#{tnt}`, list_sk=`{hok}`, backwards | 0.5 RRU / 4 KB |
//! | repository of an identity that an organisation's webhook names | table | BatchGet of pk=`UNIQUE#{tnt}#IDENTITY#{text}`, sk=`-` | 1 RRU each |
//! | which of many identities are registered | table | BatchGet of pk=`UNIQUE#{tnt}#IDENTITY#{text}`, sk=`-` | 0.5 RRU each |
//! | number of a tenant's organisations' webhooks | table | pk=`COUNTER#{tnt}`, sk=`HOOKS` | condition only |
//! | token by its hash | table | pk=`TOKEN#{sha256}`, sk=`-` | 0.5 RRU, cached 30 s |
//! | token given in exchange, by its hash | table | pk=`EXCHANGED#{sha256}`, sk=`-` | 1 RRU, cached 30 s |
//! | session that was ended before its time? | table | pk=`ENDED#{sha256}`, sk=`-` | 1 RRU, cached 30 s |
//! | tokens of a user | table | pk=`TENANT#{tnt}`, sk begins `TOKEN#{usr}#` | 0.5 RRU / 4 KB |
//! | tenant | table | pk=`TENANT#{tnt}`, sk=`TENANT` | 0.5 RRU, cached 30 s |
//! | credential profiles of a user's account, or of the tenant (masked) | table | pk=`TENANT#{tnt}`, sk=`CREDENTIALS#{usr}` or `CREDENTIALS#-` | 1 RRU / 4 KB, cached 30 s |
//! | users of a tenant | table | pk=`TENANT#{tnt}`, sk begins `USER#` | 0.5 RRU / 4 KB |
//! | users by e-mail address | table | pk=`EMAIL#{tnt}#{sha256}`, sk=`{usr}` | 1 RRU, cached 30 s |
//! | OpenID Connect issuers of a tenant | table | pk=`TENANT#{tnt}`, sk begins `ISSUER#` | 1 RRU / 4 KB |
//! | OpenID Connect issuer by its URL, and its one tenant | table | pk=`ISSUER#{sha256}`, sk=`-` | 1 RRU / 4 KB, cached 30 s |
//! | number of a tenant's issuers | table | pk=`COUNTER#{tnt}`, sk=`ISSUERS` | condition only |
//! | all tenants (operator) | table | pk=`TENANTS`, sk=`{tnt}` | 0.5 RRU / 4 KB |
//! | where the sweep over the vault stands | table | pk=`SYSTEM`, sk=`SWEEP` | 1 RRU, 1 WRU |
//! | is the registry bootstrapped? | table | pk=`SYSTEM`, sk=`BOOTSTRAP` | condition only |
//! | was the deployment's token used? | table | pk=`SYSTEM`, sk=`BOOTSTRAP#{sha256}` | condition only |
//! | audit of a tenant and day | table | pk=`AUDIT#{tnt}#{day}#{shard}`, sk=`{aud}` | 0.5 RRU / 4 KB |
//! | credentials of a tenant's vault, newest first or the other way round | table | pk=`VAULT#{tnt}`, sk=`{crd}` | 0.5 RRU / 4 KB |
//! | one credential of the vault | table | pk=`VAULT#{tnt}`, sk=`{crd}` | 1 RRU |
//! | a repository that uses a credential of the vault | table | pk=`VAULTUSE#{crd}`, sk=`{rep}` | 1 RRU |
//! | host that a tenant trusts | table | pk=`TRUSTED#{tnt}`, sk=`{host}:{port}` | 1 RRU / 4 KB |
//! | hosts that a tenant trusts, by name | table | pk=`TRUSTED#{tnt}` | 0.5 RRU / 4 KB for a page; all of them 1 RRU / 4 KB |
//! | attachment of a repository to a tenant of the host | table | pk=`REPO#{rep}`, sk=`ATTACHMENT#{host tenant}` | 1 RRU |
//! | number of a repository's attachments | table | pk=`REPO#{rep}`, sk=`ATTACHED` | condition only |
//! | default repository of a tenant of the host | table | pk=`HOSTDEFAULT#{tnt}#{host tenant}`, sk=`-` | 1 RRU |
//! | call at a provider that is under way for a name of a product | table | pk=`INTENT#{tnt}#{sha256}`, sk=`-` | condition; 2 WRU / KB and 1 for the index for each step |
//! | calls at providers that were left, the longest first | `lists` | list_pk=`INTENTS`, list_sk=`{until}#{pk}` | 0.5 RRU / 4 KB |
//! | deleted repositories with parts left | `lists` | list_pk=`REMOVED#{shard}`, list_sk=`{rep}` | 0.5 RRU / 4 KB |
//! | what is left of a deleted repository | table | pk=`REPO#{rep}`, tombstone at sk=`A#TOMBSTONE` | 1 Query, 2 WRU each |
//! | audit of a repository | `lists` | list_pk=`AUDIT#{rep}`, list_sk=`{aud}`, backwards | 0.5 RRU / 4 KB |

use repoplane_domain::attachment::HostTenant;
use repoplane_domain::id::{
    AccessTokenId, AuditId, CredentialId, DeliveryId, EventId, HookId, IssuerId, RepositoryId, RobotId, SkillId,
    TaskId, TenantId, UserId,
};
use repoplane_domain::platform::Actor;
use repoplane_domain::time::Timestamp;
use repoplane_domain::trusted_host::HostPort;
use std::fmt;

/// Partition key.
pub const PK: &str = "pk";
/// Sort key.
pub const SK: &str = "sk";
/// Seconds since the epoch after which an item does not exist any more, swept or not.
pub const EXPIRES_AT: &str = "expires_at";
/// Index of repositories by time of change, and of audit entries by repository; projects everything.
pub const LISTS: &str = "lists";
/// Partition key of [`LISTS`].
pub const LIST_PK: &str = "list_pk";
/// Sort key of [`LISTS`].
pub const LIST_SK: &str = "list_sk";
/// Index of open tasks and groups; keys only.
pub const OPEN: &str = "open";
/// Partition key of [`OPEN`].
pub const OPEN_PK: &str = "open_pk";
/// Sort key of [`OPEN`].
pub const OPEN_SK: &str = "open_sk";
/// Index of tasks that no queue has yet; keys only.
pub const UNDISPATCHED: &str = "undispatched";
/// Partition key of [`UNDISPATCHED`].
pub const UNDISPATCHED_PK: &str = "undispatched_pk";
/// Sort key of [`UNDISPATCHED`].
pub const UNDISPATCHED_SK: &str = "undispatched_sk";

/// Index of repositories by the time at which their sync is due; keys and [`SYNC_EVERY`] only.
pub const DUE: &str = "due";
/// Partition key of [`DUE`].
pub const DUE_PK: &str = "due_pk";
/// Sort key of [`DUE`].
pub const DUE_SK: &str = "due_sk";
/// Minutes between two scheduled syncs of a repository: what the tick plans by.
pub const SYNC_EVERY: &str = "sync_every";

/// Shards of the indexes `undispatched` and `due` and of a day's audit.
pub const SHARDS: u8 = 16;
/// Sort-key prefix of the decision set: what a webhook needs, contiguous.
pub const DECISION_SET: &str = "D#";
/// Sort-key prefix of tasks, in a repository's partition and in [`OPEN`].
pub const TASKS: &str = "TASK#";
/// Sort-key prefix of task groups, in a repository's partition and in [`OPEN`].
pub const GROUPS: &str = "GROUP#";
/// Sort-key prefix of skills, in a repository's partition.
pub const SKILLS: &str = "SKILL#";
/// Sort-key prefix of the lists of a repository's packages.
pub const PACKAGES: &str = "PACKAGES#";
/// Sort-key prefix of projects: of those that a platform's repository has, and of a product's.
pub const PROJECTS: &str = "PROJECT#";
/// Sort-key prefix of a repository's attachments.
pub const ATTACHMENTS: &str = "ATTACHMENT#";
/// Sort-key prefix of a tenant's users.
pub const USERS: &str = "USER#";
/// Sort-key prefix of a tenant's OpenID Connect issuers.
pub const ISSUERS: &str = "ISSUER#";
/// Sort-key prefix of the numbers of what a product holds.
pub const USES: &str = "USES";
/// Sort-key prefix of a delivery's body.
pub const BODY: &str = "BODY#";

/// Sort key of items that are alone in their partition.
const ALONE: &str = "-";

/// A primary key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// Partition key.
    pub pk: String,
    /// Sort key.
    pub sk: String,
}

impl Key {
    fn new(pk: String, sk: impl Into<String>) -> Self {
        Self { pk, sk: sk.into() }
    }
}

/// One part of a repository's decision set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants say it")]
pub enum Part {
    Record,
    State,
    Members,
    Automation,
    Robot(RobotId),
    Credentials,
}

impl Part {
    const RECORD: &'static str = "D#1RECORD";
    const STATE: &'static str = "D#2STATE";
    const MEMBERS: &'static str = "D#3MEMBERS";
    const AUTOMATION: &'static str = "D#4AUTOMATION";
    const CREDENTIALS: &'static str = "D#5CREDENTIALS";
    const ROBOT: &'static str = "D#6ROBOT#";

    fn sort_key(self) -> String {
        match self {
            Self::Record => Self::RECORD.to_owned(),
            Self::State => Self::STATE.to_owned(),
            Self::Members => Self::MEMBERS.to_owned(),
            Self::Automation => Self::AUTOMATION.to_owned(),
            Self::Robot(id) => format!("{}{id}", Self::ROBOT),
            Self::Credentials => Self::CREDENTIALS.to_owned(),
        }
    }

    /// Reads a sort key back; `None` for anything that is not part of a decision set.
    pub fn parse(sort_key: &str) -> Option<Self> {
        match sort_key {
            Self::RECORD => Some(Self::Record),
            Self::STATE => Some(Self::State),
            Self::MEMBERS => Some(Self::Members),
            Self::AUTOMATION => Some(Self::Automation),
            Self::CREDENTIALS => Some(Self::Credentials),
            other => other.strip_prefix(Self::ROBOT)?.parse().ok().map(Self::Robot),
        }
    }
}

/// Partition of a repository.
pub fn repository_partition(id: RepositoryId) -> String {
    format!("REPO#{id}")
}

/// What a deleted repository leaves: its id is never given again. Sorts before all that may have to be cleared.
pub fn tombstone(id: RepositoryId) -> Key {
    Key::new(repository_partition(id), "A#TOMBSTONE")
}

/// Partition in [`LISTS`] of deleted repositories whose parts are not all gone yet.
pub fn removed_partition(id: RepositoryId) -> String {
    format!("REMOVED#{}", shard(&id.to_string()))
}

/// All partitions of deleted repositories.
pub fn removed_partitions() -> impl Iterator<Item = String> {
    (0..SHARDS).map(|shard| format!("REMOVED#{shard}"))
}

/// Where the sweep over the vault stands.
pub fn sweep_progress() -> Key {
    Key::new("SYSTEM".to_owned(), "SWEEP")
}

/// The item that must exist for a secret document of a tenant to have an owner; `None` for a kind of owner that is not known.
pub fn owner_of_secret(tenant: TenantId, owner: &str) -> Option<Key> {
    if let Ok(repository) = owner.parse::<RepositoryId>() {
        return Some(part(repository, Part::Record));
    }
    if let Ok(id) = owner.parse::<UserId>() {
        return Some(user(tenant, id));
    }
    if let Ok(id) = owner.parse::<CredentialId>() {
        return Some(vault_credential(tenant, id));
    }
    if let Ok(id) = owner.parse::<HookId>() {
        return Some(hook(id));
    }
    (owner == tenant.to_string() || owner == "global").then(|| self::tenant(tenant))
}

/// One part of the decision set.
pub fn part(id: RepositoryId, part: Part) -> Key {
    Key::new(repository_partition(id), part.sort_key())
}

/// A task.
pub fn task(repository: RepositoryId, id: TaskId) -> Key {
    Key::new(repository_partition(repository), format!("{TASKS}{id}"))
}

/// A task group.
pub fn group(repository: RepositoryId, id: &str) -> Key {
    Key::new(repository_partition(repository), format!("{GROUPS}{id}"))
}

/// A skill.
pub fn skill(repository: RepositoryId, id: SkillId) -> Key {
    Key::new(repository_partition(repository), format!("{SKILLS}{id}"))
}

/// Held by the one skill of a repository that has the name. Names are short and of few letters by their rules.
pub fn skill_name(repository: RepositoryId, name: &str) -> Key {
    Key::new(repository_partition(repository), format!("SKILLNAME#{name}"))
}

/// One of the lists of a repository's packages.
pub fn packages(repository: RepositoryId, list: u8) -> Key {
    Key::new(repository_partition(repository), format!("{PACKAGES}{list:02}"))
}

/// Reads the number of a list of packages back.
pub fn parse_packages(sort_key: &str) -> Option<u8> {
    sort_key.strip_prefix(PACKAGES)?.parse().ok()
}

/// Who asked last for packages of a platform.
pub fn packages_asked(tenant: TenantId, platform: u64) -> Key {
    Key::new(format!("PACKAGESASKED#{tenant}#{platform}"), ALONE)
}

/// Held by the one scheduled task that a rule may have queued for a robot.
pub fn scheduled_claim(repository: RepositoryId, robot: RobotId, rule: &str) -> Key {
    Key::new(repository_partition(repository), format!("SCHEDULED#{robot}#{rule}"))
}

/// Where a task lives.
pub fn task_locator(id: TaskId) -> Key {
    Key::new(format!("LOCATOR#{id}"), ALONE)
}

/// Partition of open tasks and groups in [`OPEN`].
pub fn open_partition(repository: RepositoryId) -> String {
    format!("OPEN#{repository}")
}

/// Partition of a task or an operational event in [`UNDISPATCHED`].
pub fn undispatched_partition(id: impl fmt::Display) -> String {
    format!("UNDISPATCHED#{}", shard(&id.to_string()))
}

/// An operational event.
pub fn event(id: EventId) -> Key {
    Key::new(format!("EVENT#{id}"), ALONE)
}

/// Reads the key of an operational event back; `None` for anything else.
pub fn parse_event(pk: &str) -> Option<EventId> {
    pk.strip_prefix("EVENT#")?.parse().ok()
}

/// All partitions of [`UNDISPATCHED`].
pub fn undispatched_partitions() -> impl Iterator<Item = String> {
    (0..SHARDS).map(|shard| format!("UNDISPATCHED#{shard}"))
}

/// Sort key of a task or an operational event in [`UNDISPATCHED`]: what can be sent first comes first. A task that comes
/// back stands there under another time, so that taking the old mark away leaves the new one.
pub fn undispatched_sort(at: Timestamp, id: impl fmt::Display) -> String {
    format!("{at}#{id}")
}

/// From when on an item of [`UNDISPATCHED`] can be sent; `None` for one that was marked without a time.
pub fn parse_undispatched_sort(text: &str) -> Option<Timestamp> {
    text.split_once('#')?.0.parse().ok()
}

/// Reads the key of a task back; `None` for anything else.
pub fn parse_task(pk: &str, sk: &str) -> Option<(RepositoryId, TaskId)> {
    Some((pk.strip_prefix("REPO#")?.parse().ok()?, sk.strip_prefix(TASKS)?.parse().ok()?))
}

/// Partition of a repository in [`DUE`].
pub fn due_partition(id: RepositoryId) -> String {
    format!("DUE#{}", shard(&id.to_string()))
}

/// All partitions of [`DUE`].
pub fn due_partitions() -> impl Iterator<Item = String> {
    (0..SHARDS).map(|shard| format!("DUE#{shard}"))
}

/// Sort key of a repository in [`DUE`]: the most overdue first.
pub fn due_sort(at: Timestamp, id: RepositoryId) -> String {
    format!("{at}#{id}")
}

/// Reads a sort key of [`DUE`] back.
pub fn parse_due_sort(text: &str) -> Option<(Timestamp, RepositoryId)> {
    parse_repositories_sort(text)
}

/// Partition of all of a tenant's repositories by id.
pub fn roster_partition(tenant: TenantId) -> String {
    format!("ROSTER#{tenant}")
}

/// A repository among all of its tenant's.
pub fn roster(tenant: TenantId, id: RepositoryId) -> Key {
    Key::new(roster_partition(tenant), id.to_string())
}

/// Where the repository of a number is.
pub fn repository_number(tenant: TenantId, number: u64) -> Key {
    Key::new(format!("NUMBER#{tenant}#{number}"), "REPOSITORY")
}

/// Where the user of a number is.
pub fn user_number(tenant: TenantId, number: u64) -> Key {
    Key::new(format!("NUMBER#{tenant}#{number}"), "USER")
}

/// Partition of the platforms of a tenant.
pub fn platforms_partition(tenant: TenantId) -> String {
    format!("PLATFORMS#{tenant}")
}

/// A platform.
pub fn platform(tenant: TenantId, number: u64) -> Key {
    Key::new(platforms_partition(tenant), ordinal(number))
}

/// Partition of the groups of a tenant.
pub fn groups_partition(tenant: TenantId) -> String {
    format!("GROUPS#{tenant}")
}

/// A group of users.
pub fn user_group(tenant: TenantId, number: u64) -> Key {
    Key::new(groups_partition(tenant), ordinal(number))
}

/// A project.
pub fn build_project(tenant: TenantId, number: u64) -> Key {
    Key::new(format!("PROJECT#{tenant}#{number}"), ALONE)
}

/// Partition of a tenant's projects in [`LISTS`].
pub fn projects_partition(tenant: TenantId) -> String {
    format!("PROJECTS#{tenant}")
}

/// A project that a platform's repository has: by name, which ignores case.
pub fn project_link(repository: RepositoryId, name: &str, number: u64) -> Key {
    let sort_key = format!("{PROJECTS}{}#{}", name.to_lowercase(), ordinal(number));
    Key::new(repository_partition(repository), sort_key)
}

/// A number whose texts sort as the numbers do.
pub fn ordinal(number: u64) -> String {
    format!("{number:016}")
}

/// Of what it is counted how much there is, so that it is bounded and does not go while something is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tally {
    /// The repositories of a platform.
    Platform(u64),
    /// The platforms and projects of a group.
    Group(u64),
    /// The groups of a tenant.
    Groups,
    /// The hosts that a tenant trusts.
    TrustedHosts,
}

/// What is counted of one thing.
pub fn tally(tenant: TenantId, what: Tally) -> Key {
    let what = match what {
        Tally::Platform(number) => format!("PLATFORM#{number}"),
        Tally::Group(number) => format!("GROUP#{number}"),
        Tally::Groups => "ALLGROUPS".to_owned(),
        Tally::TrustedHosts => "TRUSTEDHOSTS".to_owned(),
    };
    Key::new(format!("COUNTER#{tenant}"), what)
}

/// Partition of the repositories of a product or a platform. Hashed: products are named by users.
pub fn namespace_partition(tenant: TenantId, namespace: &str) -> String {
    let hash = repoplane_domain::secret::sha256_hex(namespace.as_bytes());
    format!("NAMESPACE#{tenant}#{hash}")
}

/// A repository among those of its product or platform.
pub fn namespace_entry(tenant: TenantId, namespace: &str, id: RepositoryId) -> Key {
    Key::new(namespace_partition(tenant, namespace), id.to_string())
}

/// Partition of a tenant's products.
pub fn products_partition(tenant: TenantId) -> String {
    format!("PRODUCTS#{tenant}")
}

/// A product. Names are short and of few letters by their rules.
pub fn product(tenant: TenantId, name: &str) -> Key {
    Key::new(products_partition(tenant), name)
}

/// Partition of what belongs to a product.
pub fn product_partition(tenant: TenantId, product: &str) -> String {
    format!("PRODUCT#{tenant}#{product}")
}

/// A project.
pub fn project(tenant: TenantId, product: &str, name: &str) -> Key {
    Key::new(product_partition(tenant, product), format!("{PROJECTS}{name}"))
}

/// Counts the repositories and projects of a product.
pub fn product_uses(tenant: TenantId, product: &str) -> Key {
    Key::new(product_partition(tenant, product), USES)
}

/// Counts the repositories of a project, which need not be there. Names are bounded where they are read.
pub fn project_uses(tenant: TenantId, product: &str, project: &str) -> Key {
    Key::new(product_partition(tenant, product), format!("{USES}#{project}"))
}

/// Partition of the repositories of an address, which is in its one spelling. Hashed: addresses can be longer than a key.
pub fn remote_partition(tenant: TenantId, remote: &str) -> String {
    let hash = repoplane_domain::secret::sha256_hex(remote.as_bytes());
    format!("REMOTE#{tenant}#{hash}")
}

/// A repository among those of its address.
pub fn remote_entry(tenant: TenantId, remote: &str, id: RepositoryId) -> Key {
    Key::new(remote_partition(tenant, remote), id.to_string())
}

/// Partition of a tenant's repositories in [`LISTS`].
pub fn repositories_partition(tenant: TenantId, archived: bool) -> String {
    format!("REPOS#{tenant}#{}", if archived { "archived" } else { "active" })
}

/// Sort key of a repository in [`LISTS`]: newest last.
pub fn repositories_sort(updated_at: Timestamp, id: RepositoryId) -> String {
    format!("{updated_at}#{id}")
}

/// Reads a sort key of repositories in [`LISTS`] back.
pub fn parse_repositories_sort(text: &str) -> Option<(Timestamp, RepositoryId)> {
    let (at, id) = text.split_once('#')?;
    Some((at.parse().ok()?, id.parse().ok()?))
}

/// Partition of a member's repositories.
pub fn memberships_partition(tenant: TenantId, user: UserId) -> String {
    format!("MEMBERSHIPS#{tenant}#{user}")
}

/// One membership.
pub fn membership(tenant: TenantId, user: UserId, repository: RepositoryId) -> Key {
    Key::new(memberships_partition(tenant, user), repository.to_string())
}

/// A text that only one object of a tenant may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unique {
    /// A repository's name in its namespace, ignoring case.
    Name {
        /// The namespace.
        namespace: String,
        /// The name as written.
        name: String,
    },
    /// One identity of a repository.
    Identity(String),
    /// A user's name, ignoring case.
    Username(String),
    /// The name of a credential of the vault, ignoring case.
    CredentialName(String),
    /// The name of a product, ignoring case.
    ProductName(String),
    /// The name of a platform, ignoring case.
    PlatformName(String),
    /// The name of an owner's project, ignoring case.
    ProjectName {
        /// The owner.
        owner: Actor,
        /// The name as written.
        name: String,
    },
    /// The name of a project in any repository of a platform, ignoring case.
    PlatformProject {
        /// The platform.
        platform: u64,
        /// The name as written.
        name: String,
    },
}

/// The claim on a unique text. Texts are hashed: they are users' and can be longer than a key.
pub fn unique(tenant: TenantId, what: &Unique) -> Key {
    let (kind, text) = match what {
        Unique::Name { namespace, name } => ("NAME", format!("{namespace}\n{}", name.to_lowercase())),
        Unique::Identity(text) => ("IDENTITY", text.clone()),
        Unique::Username(name) => ("USERNAME", name.to_lowercase()),
        Unique::CredentialName(name) => ("CREDENTIALNAME", name.to_lowercase()),
        Unique::ProductName(name) => ("PRODUCTNAME", name.to_lowercase()),
        Unique::PlatformName(name) => ("PLATFORMNAME", name.to_lowercase()),
        Unique::ProjectName { owner: Actor::User(id), name } => {
            ("PROJECTNAME", format!("{id}\n{}", name.to_lowercase()))
        }
        Unique::ProjectName { owner: Actor::Group(number), name } => {
            ("PROJECTNAME", format!("group {number}\n{}", name.to_lowercase()))
        }
        Unique::PlatformProject { platform, name } => {
            ("PLATFORMPROJECT", format!("{platform}\n{}", name.to_lowercase()))
        }
    };
    let hash = repoplane_domain::secret::sha256_hex(text.as_bytes());
    Key::new(format!("UNIQUE#{tenant}#{kind}#{hash}"), ALONE)
}

/// The record of a call with an idempotency key.
pub fn idempotency(tenant: TenantId, user: UserId, key: &str) -> Key {
    let hash = repoplane_domain::secret::sha256_hex(key.as_bytes());
    Key::new(format!("IDEMPOTENCY#{tenant}#{user}#{hash}"), ALONE)
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants say it")]
pub enum Counter {
    Repositories,
    Users,
    Hooks,
    Issuers,
    Packages,
    Platforms,
    Groups,
    Projects,
}

/// The counter of a tenant.
pub fn counter(tenant: TenantId, what: Counter) -> Key {
    let what = match what {
        Counter::Repositories => "REPOSITORIES",
        Counter::Users => "USERS",
        Counter::Hooks => "HOOKS",
        Counter::Issuers => "ISSUERS",
        Counter::Packages => "PACKAGES",
        Counter::Platforms => "PLATFORMS",
        Counter::Groups => "GROUPS",
        Counter::Projects => "PROJECTS",
    };
    Key::new(format!("COUNTER#{tenant}"), what)
}

/// Partition of a repository's delivery summaries.
pub fn deliveries_partition(repository: RepositoryId) -> String {
    format!("DELIVERIES#{repository}")
}

/// A delivery's summary.
pub fn delivery_summary(repository: RepositoryId, id: DeliveryId) -> Key {
    Key::new(deliveries_partition(repository), id.to_string())
}

/// Partition of one delivery's detail and body.
pub fn delivery_partition(id: DeliveryId) -> String {
    format!("DELIVERY#{id}")
}

/// A delivery whole, without its body.
pub fn delivery_detail(id: DeliveryId) -> Key {
    Key::new(delivery_partition(id), "DETAIL")
}

/// One chunk of a delivery's body.
pub fn delivery_chunk(id: DeliveryId, index: usize) -> Key {
    Key::new(delivery_partition(id), format!("{BODY}{index:03}"))
}

/// What an accepted delivery leaves, so that its twin is recognised.
pub fn twin(repository: RepositoryId, key: &str) -> Key {
    Key::new(format!("TWIN#{repository}#{key}"), ALONE)
}

/// A webhook of an organisation.
pub fn hook(id: HookId) -> Key {
    Key::new(format!("HOOK#{id}"), ALONE)
}

/// Partition of a tenant's organisations' webhooks in [`LISTS`].
pub fn hooks_partition(tenant: TenantId) -> String {
    format!("HOOKS#{tenant}")
}

/// Partition of the credentials of a tenant's vault.
pub fn vault_partition(tenant: TenantId) -> String {
    format!("VAULT#{tenant}")
}

/// A credential of the vault.
pub fn vault_credential(tenant: TenantId, id: CredentialId) -> Key {
    Key::new(vault_partition(tenant), id.to_string())
}

/// Partition of the repositories that use a credential of the vault.
pub fn vault_uses_partition(id: CredentialId) -> String {
    format!("VAULTUSE#{id}")
}

/// The use of a credential of the vault by a repository.
pub fn vault_use(id: CredentialId, repository: RepositoryId) -> Key {
    Key::new(vault_uses_partition(id), repository.to_string())
}

/// Partition of the hosts that a tenant trusts.
pub fn trusted_hosts_partition(tenant: TenantId) -> String {
    format!("TRUSTED#{tenant}")
}

/// A host that a tenant trusts.
pub fn trusted_host(tenant: TenantId, place: &HostPort) -> Key {
    Key::new(trusted_hosts_partition(tenant), place.to_string())
}

/// The attachment of a repository to a tenant of the host.
pub fn attachment(repository: RepositoryId, tenant: &HostTenant) -> Key {
    Key::new(repository_partition(repository), format!("{ATTACHMENTS}{tenant}"))
}

/// Counts a repository's attachments.
pub fn attached(repository: RepositoryId) -> Key {
    Key::new(repository_partition(repository), "ATTACHED")
}

/// Names the one default repository of a tenant of the host.
pub fn host_default(tenant: TenantId, host: &HostTenant) -> Key {
    Key::new(format!("HOSTDEFAULT#{tenant}#{host}"), ALONE)
}

/// Partition in [`LISTS`] of all calls at providers that are under way: few at any time.
pub const INTENTS: &str = "INTENTS";

/// The call at a provider that is under way for a repository's name in its namespace, ignoring case as names do.
pub fn intent(tenant: TenantId, namespace: &str, name: &str) -> Key {
    let text = format!("{namespace}\n{}", name.to_lowercase());
    let hash = repoplane_domain::secret::sha256_hex(text.as_bytes());
    Key::new(format!("INTENT#{tenant}#{hash}"), ALONE)
}

/// Sort key of a call at a provider in [`LISTS`]: what was left first comes first.
pub fn intents_sort(until: Timestamp, key: &Key) -> String {
    format!("{until}#{}", key.pk)
}

/// A token by the SHA-256 of its text.
pub fn token(hash: &str) -> Key {
    Key::new(format!("TOKEN#{hash}"), ALONE)
}

/// A session that was ended before its time, by the SHA-256 of its cookie.
pub fn ended_session(hash: &str) -> Key {
    Key::new(format!("ENDED#{hash}"), ALONE)
}

/// A token that was given in exchange, by the SHA-256 of its text.
pub fn exchanged_token(hash: &str) -> Key {
    Key::new(format!("EXCHANGED#{hash}"), ALONE)
}

/// Partition of a tenant.
pub fn tenant_partition(id: TenantId) -> String {
    format!("TENANT#{id}")
}

/// A tenant.
pub fn tenant(id: TenantId) -> Key {
    Key::new(tenant_partition(id), "TENANT")
}

/// A user.
pub fn user(tenant: TenantId, id: UserId) -> Key {
    Key::new(tenant_partition(tenant), format!("{USERS}{id}"))
}

/// Partition of the users with an e-mail address, ignoring case. Hashed: addresses are people's.
pub fn email_partition(tenant: TenantId, email: &str) -> String {
    let hash = repoplane_domain::secret::sha256_hex(email.to_lowercase().as_bytes());
    format!("EMAIL#{tenant}#{hash}")
}

/// A user who has an e-mail address.
pub fn email(tenant: TenantId, email: &str, user: UserId) -> Key {
    Key::new(email_partition(tenant, email), user.to_string())
}

/// An OpenID Connect issuer of a tenant.
pub fn issuer(tenant: TenantId, id: IssuerId) -> Key {
    Key::new(tenant_partition(tenant), format!("{ISSUERS}{id}"))
}

/// The claim of an issuer's URL, letter by letter, by the one tenant that has it.
pub fn issuer_claim(url: &str) -> Key {
    let hash = repoplane_domain::secret::sha256_hex(url.as_bytes());
    Key::new(format!("ISSUER#{hash}"), ALONE)
}

/// Credential profiles: of a user's account, or of the tenant itself.
pub fn credentials(tenant: TenantId, user: Option<UserId>) -> Key {
    let owner = user.map_or(ALONE.to_owned(), |user| user.to_string());
    Key::new(tenant_partition(tenant), format!("CREDENTIALS#{owner}"))
}

/// Sort-key prefix of a user's tokens.
pub fn tokens_of(user: UserId) -> String {
    format!("TOKEN#{user}#")
}

/// A token in its user's list.
pub fn token_of(tenant: TenantId, user: UserId, id: AccessTokenId) -> Key {
    Key::new(tenant_partition(tenant), format!("{}{id}", tokens_of(user)))
}

/// Partition of all tenants.
pub const TENANTS: &str = "TENANTS";

/// A tenant in the operator's list.
pub fn tenant_entry(id: TenantId) -> Key {
    Key::new(TENANTS.to_owned(), id.to_string())
}

/// Exists once the registry has its first tenant.
pub fn bootstrap() -> Key {
    Key::new("SYSTEM".to_owned(), "BOOTSTRAP")
}

/// Exists once the deployment's own token was used, by its hash.
pub fn used_bootstrap_token(hash: &str) -> Key {
    Key::new("SYSTEM".to_owned(), format!("BOOTSTRAP#{hash}"))
}

/// An audit entry.
pub fn audit(tenant: TenantId, id: AuditId) -> Key {
    let text = id.to_string();
    Key::new(format!("AUDIT#{tenant}#{}#{}", id.created_at().day(), shard(&text)), text)
}

/// All partitions of a tenant's audit of one UTC day, `YYYY-MM-DD`.
pub fn audit_partitions(tenant: TenantId, day: &str) -> impl Iterator<Item = String> {
    (0..SHARDS).map(move |shard| format!("AUDIT#{tenant}#{day}#{shard}"))
}

/// Partition of a repository's audit in [`LISTS`].
pub fn audit_partition(repository: RepositoryId) -> String {
    format!("AUDIT#{repository}")
}

fn shard(text: &str) -> u8 {
    text.bytes().fold(0u8, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte)) % SHARDS
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn parts_read_back_and_lie_in_the_decision_set(ms in 0i64..(1 << 47)) {
            let robot = RobotId::start_of(Timestamp::from_millisecond(ms));
            for p in [Part::Record, Part::State, Part::Members, Part::Automation, Part::Robot(robot), Part::Credentials] {
                let key = part(RepositoryId::start_of(Timestamp::from_millisecond(ms)), p);
                prop_assert!(key.sk.starts_with(DECISION_SET));
                prop_assert_eq!(Part::parse(&key.sk), Some(p));
            }
        }

        #[test]
        fn lists_sort_by_time(a in 0i64..(1 << 42), b in 0i64..(1 << 42)) {
            let id = RepositoryId::start_of(Timestamp::from_millisecond(0));
            let sort = |ms| repositories_sort(Timestamp::from_millisecond(ms), id);
            prop_assert_eq!(a.cmp(&b), sort(a).cmp(&sort(b)));
            prop_assert_eq!(parse_repositories_sort(&sort(a)), Some((Timestamp::from_millisecond(a), id)));
        }

        #[test]
        fn tasks_and_their_place_in_the_outbox_read_back(ms in 0i64..(1 << 42), later in 0i64..(1 << 42)) {
            let at = Timestamp::from_millisecond;
            let (repository, id) = (RepositoryId::start_of(at(ms)), TaskId::start_of(at(later)));
            let key = task(repository, id);
            prop_assert_eq!(parse_task(&key.pk, &key.sk), Some((repository, id)));
            prop_assert_eq!(parse_task(&key.sk, &key.pk), None);
            prop_assert_eq!(parse_undispatched_sort(&undispatched_sort(at(ms), id)), Some(at(ms)));
            let sort = |ms| undispatched_sort(at(ms), id);
            prop_assert_eq!(ms.cmp(&later), sort(ms).cmp(&sort(later)));
            prop_assert_eq!(parse_undispatched_sort(&id.to_string()), None);
        }

        #[test]
        fn no_text_reaches_another_tenants_claim(name in ".{0,40}", other in ".{0,40}") {
            let one = TenantId::start_of(Timestamp::from_millisecond(1));
            let two = TenantId::start_of(Timestamp::from_millisecond(2));
            prop_assert_ne!(unique(one, &Unique::Identity(name)), unique(two, &Unique::Identity(other)));
        }
    }

    #[test]
    fn names_ignore_case_and_know_their_namespace() {
        let tenant = TenantId::start_of(Timestamp::from_millisecond(1));
        let name = |namespace: &str, name: &str| {
            unique(tenant, &Unique::Name { namespace: namespace.into(), name: name.into() })
        };
        assert_eq!(name("registry", "Acme/Widgets"), name("registry", "acme/widgets"));
        assert_ne!(name("registry", "a"), name("product/x", "a"));
    }
}
