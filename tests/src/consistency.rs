//! Whether what lies in the table fits together, whatever was broken on the way there.
//!
//! [`check`] takes the items as the engine stores them ([`crate::TestApp::items`]) and needs no clock: it asks only for what
//! must hold at every moment between two transactions. [`leases`] lists the holds on secret documents, which are allowed
//! for a while.

mod items;
mod packages;
mod platforms;

pub(crate) use items::plain;
use items::{Found, Index, texts};
use serde_json::Value;
use std::collections::BTreeMap;

/// Everything that does not fit together, one sentence each.
///
/// Tasks have their delivery, group, locator and marks; deliveries have their detail, chunks and tasks, and no time to
/// live while a task is open; claims, twins and memberships have their owner; no post made its tasks twice. A deleted
/// repository leaves a tombstone and what ends by the clock; what is kept of calls with a key ends by the clock, too. Webhooks of
/// organisations are listed and counted, issuers and trusted hosts are counted and what a token finds of them is what their tenant has. A
/// repository is in its tenant's roster, and due exactly while syncs are planned. A skill that has a name holds it, and nobody
/// else does. A product holds its name, and counts its repositories and projects. Platforms, groups and projects hold
/// their names and are counted; a project and its repositories name each other.
///
/// # Errors
/// The sentences, sorted.
pub fn check(items: &[Value]) -> Result<(), Vec<String>> {
    let index = Index::read(items);
    let mut wrong = Vec::new();
    for found in index.all() {
        let complaints = match found.kind() {
            "TASK" => task(&index, found),
            "SUMMARY" => delivery(&index, found),
            "DETAIL" => detail(&index, found),
            "BODY" => chunk(&index, found),
            "LOCATOR" => locator(&index, found),
            "TWIN" => twin(&index, found),
            "SCHEDULED" => scheduled(&index, found),
            "GROUP" => group(&index, found),
            "UNIQUE" => unique(&index, found),
            "MEMBERSHIP" => membership(&index, found),
            "ROSTER" => roster(&index, found),
            "NUMBER" | "NAMESPACE" | "REMOTE" => place(&index, found),
            "PRODUCT" => product(&index, found),
            "OF_PRODUCT" => of_product(&index, found),
            "STATE" => state(&index, found),
            "CREDENTIALS" => lease_ends(found),
            "RECORD" => record(&index, found),
            "TOMBSTONE" => tombstone(&index, found),
            "IDEMPOTENCY" => kept_answer(found),
            "HOOK" => hook(&index, found),
            "VAULT" => vault_credential(&index, found),
            "VAULTUSE" => vault_use(&index, found),
            "ATTACHED" => attachments_counted(&index, found),
            "HOSTDEFAULT" => host_default(&index, found),
            "COUNTER" => [
                hooks_counted(&index, found),
                issuers_counted(&index, found),
                platforms::counted(&index, found),
                trusted_hosts_counted(&index, found),
            ]
            .concat(),
            "PLATFORM" => platforms::platform(&index, found),
            "USERGROUP" => platforms::group(&index, found),
            "PROJECT" => platforms::project(&index, found),
            "LINK" => platforms::link(&index, found),
            "PACKAGES" => packages::list(&index, found),
            "PACKAGESASKED" => packages::asked(found),
            "ISSUER" => issuer(&index, found),
            "EMAIL" => email(&index, found),
            "EVENT" => operational_event(found),
            "INTENT" => unless(found.text("list_pk") == Some("INTENTS"), "no tick finds it").into_iter().collect(),
            "EXCHANGED" | "ENDED" => unless(found.number("expires_at").is_some(), "never ends").into_iter().collect(),
            "TRUSTED" => trusted_host(&index, found),
            "SKILL" => skill(&index, found),
            "SKILLNAME" => skill_name(&index, found),
            _ => Vec::new(),
        };
        wrong.extend(complaints.into_iter().map(|complaint| format!("{found}: {complaint}")));
    }
    wrong.extend(index.unknown().map(|found| format!("{found}: an item of no known kind")));
    wrong.sort();
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

/// The secret documents that someone holds, as `pk until milliseconds`: each must be free again after its time.
pub fn leases(items: &[Value]) -> Vec<String> {
    let index = Index::read(items);
    let held = index.all().filter(|found| found.text("lease").is_some());
    held.map(|found| format!("{found} until {}", found.number("lease_until").unwrap_or_default())).collect()
}

/// Every task that a worker could take has been sent, and nothing but what waits for its hours is left in the outbox: what
/// must hold once stream and tick have nothing more to do. `sent` are the ids of all tasks that messages have named so far.
///
/// # Errors
/// The sentences, sorted.
pub fn handed_over(items: &[Value], sent: &[String]) -> Result<(), Vec<String>> {
    let index = Index::read(items);
    let mut wrong = Complaints::new();
    for found in index.all().filter(|found| found.kind() == "TASK") {
        let marked = found.text("undispatched_pk").is_some();
        let waits = marked && found.data["schedule"].is_object() && is_open(found);
        if is_deleted(&index, &found.data_text("repoId")) || waits {
            continue;
        }
        let was_sent = sent.contains(&found.data_text("id"));
        let held = found.data_text("status") == "waiting_approval";
        let complaints = [
            unless(!marked, "still stands in the outbox"),
            unless(was_sent || held || !is_open(found), "is open, and no message has told of it"),
        ];
        wrong.extend(complaints.into_iter().flatten().map(|complaint| format!("{found}: {complaint}")));
    }
    wrong.sort();
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

type Complaints = Vec<String>;

fn unless(holds: bool, complaint: impl Into<String>) -> Option<String> {
    (!holds).then(|| complaint.into())
}

fn present(index: &Index, what: &str, (pk, sk): &(String, String)) -> Complaints {
    unless(index.get(pk, sk).is_some(), format!("{what} {pk} {sk} is missing")).into_iter().collect()
}

fn is_open(task: &Found) -> bool {
    matches!(task.data_text("status").as_str(), "queued" | "waiting_approval" | "processing")
}

/// A host stands where it is looked for, counted, in a tenant that is there.
fn trusted_host(index: &Index, found: &Found) -> Complaints {
    let tenant = found.pk.strip_prefix("TRUSTED#").unwrap_or_default();
    let mut wrong = present(index, "its tenant", &(format!("TENANT#{tenant}"), "TENANT".to_owned()));
    wrong.extend(unless(found.data_text("place") == found.sk, "is kept in another's place"));
    wrong.extend(present(index, "the count", &(format!("COUNTER#{tenant}"), "TRUSTEDHOSTS".to_owned())));
    wrong
}

/// The number of the hosts that a tenant trusts is that of those that are there.
fn trusted_hosts_counted(index: &Index, found: &Found) -> Complaints {
    if found.sk != "TRUSTEDHOSTS" {
        return Vec::new();
    }
    let hosts = index.partition(&format!("TRUSTED#{}", found.pk.trim_start_matches("COUNTER#"))).count();
    let counted = found.number("tallied").unwrap_or_default();
    let right = usize::try_from(counted) == Ok(hosts);
    unless(right, format!("counts {counted} trusted hosts of {hosts}")).into_iter().collect()
}

/// Whether a repository was deleted.
fn is_deleted(index: &Index, repository: &str) -> bool {
    index.get(&format!("REPO#{repository}"), "A#TOMBSTONE").is_some()
}

fn summary_key(found: &Found) -> (String, String) {
    (format!("DELIVERIES#{}", found.data_text("repoId")), found.data_text("id"))
}

fn task(index: &Index, found: &Found) -> Complaints {
    let (id, repository) = (found.data_text("id"), found.data_text("repoId"));
    if is_deleted(index, &repository) {
        // Nobody sees it; the sweep takes it with what is left around it.
        return Vec::new();
    }
    let mut wrong = present(index, "the locator", &(format!("LOCATOR#{id}"), "-".to_owned()));
    let group = (found.pk.clone(), format!("GROUP#{}", found.data_text("groupId")));
    wrong.extend(present(index, "the group", &group));
    let delivery = found.data_text("deliveryId");
    let summary = index.get(&format!("DELIVERIES#{repository}"), &delivery);
    match summary {
        // A finished task outlives its delivery.
        None => wrong.extend(unless(!is_open(found), format!("open, but its delivery {delivery} is missing"))),
        Some(summary) => {
            let named = texts(&summary.data["taskIds"]).contains(&id);
            wrong.extend(unless(named, format!("its delivery {delivery} does not name it")));
        }
    }
    wrong.extend(unless(
        found.text("open_pk").is_some() == is_open(found),
        "in the index of open tasks exactly while open",
    ));
    let mark = (found.text("undispatched_pk"), found.text("undispatched_sk"));
    let marked = mark.1.is_some_and(|sort| sort.ends_with(&format!("#{id}")));
    wrong
        .extend(unless(mark == (None, None) || (mark.0.is_some() && marked), "its place in the outbox is not its own"));
    let leased = found.data["lease"].is_object();
    let processing = found.data_text("status") == "processing";
    wrong.extend(unless(!processing || leased, "in work without a lease that could run out"));
    if found.item["holds_schedule"] == true {
        wrong.extend(present(index, "the schedule's claim", &(found.pk.clone(), schedule_key(found))));
        wrong.extend(unless(found.data_text("status") == "queued", "holds the schedule though it has left the queue"));
    }
    wrong
}

fn schedule_key(task: &Found) -> String {
    format!("SCHEDULED#{}#{}", task.data_text("robotId"), task.data_text("ruleId"))
}

fn delivery(index: &Index, found: &Found) -> Complaints {
    let (id, repository) = (found.data_text("id"), found.data_text("repoId"));
    let pk = format!("DELIVERY#{id}");
    let mut wrong = Vec::new();
    match index.get(&pk, "DETAIL") {
        None => wrong.push("its detail is missing".to_owned()),
        Some(detail) => {
            let same = found.data.as_object().is_some_and(|own| own.iter().all(|(k, v)| detail.data.get(k) == Some(v)));
            wrong.extend(unless(same, "its detail says otherwise"));
            wrong.extend(unless(
                detail.number("expires_at") == found.number("expires_at"),
                "its detail lives longer or shorter",
            ));
        }
    }
    let chunks: Vec<_> = index.partition(&pk).filter(|item| item.sk.starts_with("BODY#")).collect();
    // What is run again was verified when it came in.
    let verified = found.data["signatureVerified"] == true || found.data["replayOfEventId"].is_string();
    let has_content = verified && !found.data["contentDeletedAt"].is_string();
    let expected = if has_content { chunks.len().max(1) } else { 0 };
    let counted = found.number("chunks").unwrap_or_default();
    wrong.extend(unless(usize::try_from(counted) == Ok(expected), format!("counts {counted} chunks of {expected}")));
    let rows: Vec<String> = (0..expected).map(|n| format!("BODY#{n:03}")).collect();
    let gapless = chunks.iter().map(|chunk| chunk.sk.clone()).eq(rows);
    wrong.extend(unless(gapless, format!("{} chunks of its body are not a whole", chunks.len())));
    if let Some(original) = found.data["replayOfEventId"].as_str()
        && let Some(original) = index.get(&format!("DELIVERY#{original}"), "DETAIL")
    {
        let listed = replays(original).contains(&id);
        wrong.extend(unless(listed, format!("{original} does not name it among its replays")));
    }
    if is_deleted(index, &repository) {
        wrong.extend(orphaned(index, found, &chunks));
        return wrong;
    }

    let ids = texts(&found.data["taskIds"]);
    let tasks: Vec<_> =
        ids.iter().filter_map(|task| index.get(&format!("REPO#{repository}"), &format!("TASK#{task}"))).collect();
    wrong.extend(unless(tasks.len() == ids.len(), format!("{} of its {} tasks exist", tasks.len(), ids.len())));
    let strangers = tasks.iter().filter(|task| task.data_text("deliveryId") != id).count();
    wrong.extend(unless(strangers == 0, format!("{strangers} of its tasks name another delivery")));
    let open = tasks.iter().filter(|task| is_open(task)).count();
    let counted = found.number("open_tasks").unwrap_or_default();
    wrong.extend(unless(usize::try_from(counted) == Ok(open), format!("counts {counted} open tasks of {open}")));
    let mortal = found.number("expires_at").is_some();
    wrong.extend(unless(mortal == (open == 0), format!("expires: {mortal}, with {open} open tasks")));
    if open > 0 {
        let dying = chunks.iter().filter(|chunk| chunk.number("expires_at").is_some()).count();
        wrong.extend(unless(dying == 0, format!("{dying} chunks expire before its open tasks")));
    }
    wrong
}

/// A delivery of a deleted repository ends by the clock, once the tasks that it waited for are gone.
fn orphaned(index: &Index, found: &Found, chunks: &[&Found]) -> Complaints {
    let partition = format!("REPO#{}", found.data_text("repoId"));
    let tasks = texts(&found.data["taskIds"]);
    if tasks.iter().any(|task| index.get(&partition, &format!("TASK#{task}")).is_some()) {
        return Vec::new();
    }
    let endless = std::iter::once(&found).chain(chunks).filter(|item| item.number("expires_at").is_none());
    endless.map(|item| format!("{item} never ends, though its repository is gone")).collect()
}

/// The record of a delivery, and where it was run again: each of those knows it.
fn detail(index: &Index, found: &Found) -> Complaints {
    let mut wrong = present(index, "the summary", &summary_key(found));
    for replay in replays(found) {
        let other = index.get(&format!("DELIVERIES#{}", found.data_text("repoId")), &replay);
        let knows = other.is_none_or(|other| other.data_text("replayOfEventId") == found.data_text("id"));
        wrong.extend(unless(knows, format!("its replay {replay} is none of it")));
    }
    wrong
}

/// The ids of the deliveries that ran one again.
fn replays(detail: &Found) -> Vec<String> {
    let list = detail.item["replays"].as_array().into_iter().flatten();
    list.filter_map(|replay| Some(replay["id"].as_str()?.to_owned())).collect()
}

/// Of a deleted repository that is cleared, nothing but the tombstone is left.
fn tombstone(index: &Index, found: &Found) -> Complaints {
    let mut wrong: Complaints = Vec::new();
    let record = index.get(&found.pk, "D#1RECORD").is_none();
    wrong.extend(unless(record, "its repository is still there"));
    let id = found.pk.trim_start_matches("REPO#");
    let claims = index.claims_of(id);
    wrong.extend(unless(claims.is_empty(), format!("its repository still holds {claims:?}")));
    if found.text("list_pk").is_none() {
        let left = index.partition(&found.pk).filter(|item| item.sk != found.sk);
        wrong.extend(left.map(|item| format!("is cleared, but {} is left", item.sk)));
    }
    wrong
}

/// The answer of a call with a key, or the mark of one in flight: both end.
fn kept_answer(found: &Found) -> Complaints {
    let answered = found.data["answer"].is_string();
    let in_flight = found.text("lease").is_some() && found.data["until"].is_number();
    let complaints = [
        unless(found.number("expires_at").is_some(), "never ends"),
        unless(answered != in_flight, "is neither an answer nor a call in flight"),
        unless(found.data["fingerprint"].is_string(), "does not know its request"),
    ];
    complaints.into_iter().flatten().collect()
}

/// The webhook of an organisation stands in its tenant's list, and has been counted.
fn hook(index: &Index, found: &Found) -> Complaints {
    let (id, tenant) = (found.data["hook"]["id"].as_str(), found.data["hook"]["tenant"].as_str().unwrap_or_default());
    let listed = (found.text("list_pk"), found.text("list_sk"));
    let list = format!("HOOKS#{tenant}");
    let mut wrong: Complaints = Vec::new();
    wrong.extend(unless(listed == (Some(list.as_str()), id), "is not in its tenant's list"));
    wrong.extend(unless(index.get(&format!("COUNTER#{tenant}"), "HOOKS").is_some(), "nobody counts it"));
    wrong
}

/// The number of a tenant's organisations' webhooks is that of those that are there.
fn hooks_counted(index: &Index, found: &Found) -> Complaints {
    if found.sk != "HOOKS" {
        return Vec::new();
    }
    let tenant = found.pk.trim_start_matches("COUNTER#");
    let hooks = index.all().filter(|item| item.kind() == "HOOK" && item.data["hook"]["tenant"] == tenant).count();
    let counted = found.number("hooks").unwrap_or_default();
    unless(usize::try_from(counted) == Ok(hooks), format!("counts {counted} webhooks of {hooks}")).into_iter().collect()
}

/// A skill that has a name holds it; one without was never good.
fn skill(index: &Index, found: &Found) -> Complaints {
    if is_deleted(index, found.pk.trim_start_matches("REPO#")) {
        return Vec::new();
    }
    let mut wrong: Complaints = Vec::new();
    let by_hand = found.data["source"] == "manual";
    match found.data["name"].as_str() {
        Some(name) => {
            let claim = index.get(&found.pk, &format!("SKILLNAME#{name}"));
            let holds = claim.is_some_and(|claim| claim.data == found.data["id"]);
            wrong.extend(unless(holds, format!("does not hold its name {name}")));
            wrong.extend(unless(by_hand || found.data["version"].is_string(), "has a name, but no version"));
        }
        None => wrong.extend(unless(!by_hand && found.data["version"].is_null(), "has a version, but no name")),
    }
    wrong.extend(unless(found.number("version") == found.data["revision"].as_i64(), "counts its changes twice"));
    wrong
}

/// An operational event stands in the outbox under its id, which tells when it is due, and ends by the clock.
fn operational_event(found: &Found) -> Complaints {
    let id = found.data_text("id");
    let marked = found.text("undispatched_pk").is_some() && found.text("undispatched_sk").is_some();
    let complaints = [
        unless(found.pk == format!("EVENT#{id}"), "lies under another id"),
        unless(marked, "nobody will send it"),
        unless(found.number("expires_at").is_some(), "never ends"),
    ];
    complaints.into_iter().flatten().collect()
}

/// A name is held by a skill that has it.
fn skill_name(index: &Index, found: &Found) -> Complaints {
    if is_deleted(index, found.pk.trim_start_matches("REPO#")) {
        return Vec::new();
    }
    let holder = index.get(&found.pk, &format!("SKILL#{}", found.data.as_str().unwrap_or_default()));
    let name = found.sk.trim_start_matches("SKILLNAME#");
    unless(holder.is_some_and(|skill| skill.data["name"] == name), "no skill has it").into_iter().collect()
}

/// A credential of the vault has its name, and counts the repositories that use it.
fn vault_credential(index: &Index, found: &Found) -> Complaints {
    let uses = index.partition(&format!("VAULTUSE#{}", found.sk)).count();
    let counted = found.number("used_by").unwrap_or(-1);
    let named = index.claims_of(&found.sk).get("CREDENTIALNAME") == Some(&1);
    let complaints = [
        unless(usize::try_from(counted) == Ok(uses), format!("counts {counted} uses of {uses}")),
        unless(named, "does not hold its name"),
    ];
    complaints.into_iter().flatten().collect()
}

/// Whoever uses a credential names it.
fn vault_use(index: &Index, found: &Found) -> Complaints {
    let credential = found.pk.trim_start_matches("VAULTUSE#");
    let record = index.get(&format!("REPO#{}", found.sk), "D#1RECORD");
    let names = record.is_some_and(|record| record.data["credential"] == credential);
    unless(names, "its repository does not name the credential").into_iter().collect()
}

/// The number of a repository's attachments is that of those that are there.
fn attachments_counted(index: &Index, found: &Found) -> Complaints {
    let attached = index.partition(&found.pk).filter(|item| item.kind() == "ATTACHMENT").count();
    let counted = found.number("attachments").unwrap_or(-1);
    unless(usize::try_from(counted) == Ok(attached), format!("counts {counted} attachments of {attached}"))
        .into_iter()
        .collect()
}

/// A tenant's default repository is attached to it.
fn host_default(index: &Index, found: &Found) -> Complaints {
    let (tenant, repository) = (found.pk.rsplit('#').next().unwrap_or_default(), found.data.as_str());
    let key = (format!("REPO#{}", repository.unwrap_or_default()), format!("ATTACHMENT#{tenant}"));
    present(index, "the attachment", &key)
}

/// What a token finds of its issuer is what the issuer's tenant has.
fn issuer(index: &Index, found: &Found) -> Complaints {
    let (tenant, id) = (found.data_text("tenant"), found.data_text("id"));
    let own = index.get(&format!("TENANT#{tenant}"), &format!("ISSUER#{id}"));
    let same = own.is_some_and(|own| own.data == found.data);
    unless(same, "is not what its tenant has").into_iter().collect()
}

/// The number of a tenant's issuers is that of those that are there, and each of them holds its URL.
fn issuers_counted(index: &Index, found: &Found) -> Complaints {
    if found.sk != "ISSUERS" {
        return Vec::new();
    }
    let tenant = found.pk.trim_start_matches("COUNTER#");
    let own = index.partition(&format!("TENANT#{tenant}")).filter(|item| item.sk.starts_with("ISSUER#")).count();
    let held = index.all().filter(|item| item.kind() == "ISSUER" && item.data_text("tenant") == tenant).count();
    let counted = found.number("issuers").unwrap_or_default();
    let right = usize::try_from(counted) == Ok(own) && own == held;
    unless(right, format!("counts {counted} issuers of {own}, which hold {held} URLs")).into_iter().collect()
}

/// A user is found by the address that the user has.
fn email(index: &Index, found: &Found) -> Complaints {
    let tenant = found.pk.split('#').nth(1).unwrap_or_default();
    let user = index.get(&format!("TENANT#{tenant}"), &format!("USER#{}", found.sk));
    let address = user.map(|user| user.data_text("email")).unwrap_or_default();
    unless(!address.is_empty(), "leads to a user without an e-mail address").into_iter().collect()
}

/// The body of a large delivery is put first, for a day; any other has its delivery.
fn chunk(index: &Index, found: &Found) -> Complaints {
    let owned = index.get(&found.pk, "DETAIL").is_some();
    unless(owned || found.number("expires_at").is_some(), "belongs to no delivery and never expires")
        .into_iter()
        .collect()
}

fn locator(index: &Index, found: &Found) -> Complaints {
    let task = found.pk.trim_start_matches("LOCATOR#");
    let repository = found.data.as_str().unwrap_or_default();
    let key = (format!("REPO#{repository}"), format!("TASK#{task}"));
    let mut wrong = present(index, "the task", &key);
    if let Some(task) = index.get(&key.0, &key.1) {
        let same = found.text("delivery") == Some(&task.data_text("deliveryId"));
        wrong.extend(unless(same, "names another delivery than its task"));
    }
    wrong
}

/// A twin key leads to the accepted delivery whose answer it repeats.
fn twin(index: &Index, found: &Found) -> Complaints {
    let mut parts = found.pk.splitn(3, '#').skip(1);
    let repository = parts.next().unwrap_or_default();
    let delivery = found.data_text("delivery");
    let Some(summary) = index.get(&format!("DELIVERIES#{repository}"), &delivery) else {
        return vec![format!("its delivery {delivery} is missing")];
    };
    let answered: Vec<String> = found.data["response"]["tasks"]
        .as_array()
        .map(|tasks| tasks.iter().filter_map(|task| Some(task["id"].as_str()?.to_owned())).collect())
        .unwrap_or_default();
    let complaints = [
        unless(summary.data_text("result") == "accepted", "its delivery was not accepted"),
        unless(answered == texts(&summary.data["taskIds"]), "answers other tasks than its delivery made"),
    ];
    complaints.into_iter().flatten().collect()
}

fn scheduled(index: &Index, found: &Found) -> Complaints {
    let task = found.data.as_str().unwrap_or_default();
    match index.get(&found.pk, &format!("TASK#{task}")) {
        None => vec![format!("held by {task}, which does not exist")],
        Some(task) => {
            let holds = task.item["holds_schedule"] == true && schedule_key(task) == found.sk;
            unless(holds, format!("held by {}, which does not know", task.sk)).into_iter().collect()
        }
    }
}

fn group(index: &Index, found: &Found) -> Complaints {
    if is_deleted(index, found.pk.trim_start_matches("REPO#")) {
        return Vec::new();
    }
    let id = found.data_text("id");
    let tasks = index.partition(&found.pk).filter(|item| item.kind() == "TASK" && item.data_text("groupId") == id);
    let tasks = tasks.count();
    let counted = found.number("tasks").unwrap_or_default();
    unless(usize::try_from(counted) == Ok(tasks), format!("counts {counted} tasks of {tasks}")).into_iter().collect()
}

/// Every claim has a living holder; which text it is of cannot be seen, because it is hashed.
fn unique(index: &Index, found: &Found) -> Complaints {
    let holder = found.data.as_str().unwrap_or_default();
    let mut parts = found.pk.split('#').skip(1);
    let (tenant, what) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if what == "PLATFORMPROJECT" && is_deleted(index, holder) {
        // Until the sweep has come to it; whoever wants the name may take it.
        return Vec::new();
    }
    let key = if what == "PRODUCTNAME" {
        (format!("PRODUCTS#{tenant}"), holder.to_owned())
    } else if let Some((kind, number)) = holder.split_once('/') {
        platforms::key(tenant, kind, number)
    } else if holder.starts_with("crd_") {
        (format!("VAULT#{tenant}"), holder.to_owned())
    } else if holder.starts_with("usr_") {
        (format!("TENANT#{tenant}"), format!("USER#{holder}"))
    } else {
        (format!("REPO#{holder}"), "D#1RECORD".to_owned())
    };
    present(index, "the holder", &key)
}

/// A repository among all of its tenant's.
fn roster(index: &Index, found: &Found) -> Complaints {
    present(index, "the record", &(format!("REPO#{}", found.sk), "D#1RECORD".to_owned()))
}

/// A repository is due exactly while syncs are planned or one is on its way.
fn state(index: &Index, found: &Found) -> Complaints {
    let Some(record) = index.get(&found.pk, "D#1RECORD") else { return Vec::new() };
    let planned = record.data["enabled"] == true
        && !record.data["archived_at"].is_string()
        && record.data["sync_interval_minutes"].is_number();
    let running = found.data["sync"]["status"] == "syncing";
    let due = found.text("due_sk").is_some();
    let holds = if planned { due } else { !due || running };
    unless(holds, format!("due {due}, planned {planned}, syncing {running}")).into_iter().collect()
}

fn membership(index: &Index, found: &Found) -> Complaints {
    let user = found.pk.rsplit('#').next().unwrap_or_default();
    if is_deleted(index, &found.sk) {
        return vec!["its repository was deleted".to_owned()];
    }
    let members = index.get(&format!("REPO#{}", found.sk), "D#3MEMBERS");
    let listed = members.and_then(|members| {
        let list = members.data["members"].as_array()?;
        list.iter().find(|member| member.to_string().contains(user)).map(|member| member["role"].clone())
    });
    match listed {
        None => vec!["the repository's list of members does not have it".to_owned()],
        Some(role) => {
            unless(role == found.data, format!("is {}, but listed as {role}", found.data)).into_iter().collect()
        }
    }
}

/// A product holds its name, and has at least one owner.
fn product(index: &Index, found: &Found) -> Complaints {
    let name = found.data_text("name");
    let claims = format!("UNIQUE#{}#PRODUCTNAME#", found.data_text("tenant"));
    let held = index.all().filter(|item| item.pk.starts_with(&claims) && item.data.as_str() == Some(&name)).count();
    let complaints = [
        unless(found.sk == name, "lies under another name"),
        unless(held == 1, "does not hold its name"),
        unless(found.number("version") == found.data["version"].as_i64(), "counts its changes twice"),
        unless(found.data["members"].to_string().contains("owner"), "belongs to nobody"),
    ];
    complaints.into_iter().flatten().collect()
}

/// What belongs to a product: its projects, and how many repositories name the product or one of them.
fn of_product(index: &Index, found: &Found) -> Complaints {
    let mut parts = found.pk.splitn(3, '#').skip(1);
    let (tenant, product) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let namespace = format!("product/{product}");
    let records = index.all().filter(|item| {
        item.kind() == "RECORD" && item.data_text("tenant") == tenant && item.data_text("namespace") == namespace
    });
    let counted = |what: &str| usize::try_from(found.number(what).unwrap_or_default());
    let mut wrong = present(index, "the product", &(format!("PRODUCTS#{tenant}"), product.to_owned()));
    if let Some(project) = found.sk.strip_prefix("USES#") {
        let named = records.filter(|record| record.data["product"]["project"] == project).count();
        wrong.extend(unless(counted("repositories") == Ok(named), format!("counts not {named} repositories")));
    } else if found.sk == "USES" {
        let (all, projects) =
            (records.count(), index.partition(&found.pk).filter(|item| item.sk.starts_with("PROJECT#")));
        let projects = projects.count();
        wrong.extend(unless(counted("repositories") == Ok(all), format!("counts not {all} repositories")));
        wrong.extend(unless(counted("projects") == Ok(projects), format!("counts not {projects} projects")));
    } else {
        let name = found.sk.strip_prefix("PROJECT#");
        wrong.extend(unless(name == found.data["name"].as_str(), "lies under another name"));
        wrong.extend(present(index, "the number of projects", &(found.pk.clone(), "USES".to_owned())));
    }
    wrong
}

/// A number, or a place in a namespace, leads to a repository that is there.
fn place(index: &Index, found: &Found) -> Complaints {
    let id = found.data.as_str().unwrap_or_default().to_owned();
    if found.sk == "USER" {
        let tenant = found.pk.split('#').nth(1).unwrap_or_default();
        return present(index, "the user", &(format!("TENANT#{tenant}"), format!("USER#{id}")));
    }
    present(index, "the repository", &(format!("REPO#{id}"), "D#1RECORD".to_owned()))
}

fn lease_ends(found: &Found) -> Complaints {
    let endless = found.text("lease").is_some() && found.number("lease_until").is_none();
    unless(!endless, "is held without an end").into_iter().collect()
}

/// A repository has its members, its claims (the name at least), and no second record under its identity.
fn record(index: &Index, found: &Found) -> Complaints {
    let id = found.data_text("id");
    let mut wrong = present(index, "the list of members", &(found.pk.clone(), "D#3MEMBERS".to_owned()));
    let held: BTreeMap<&str, usize> = index.claims_of(&id);
    wrong.extend(unless(held.get("NAME") == Some(&1), "does not hold exactly one name"));
    wrong.extend(present(index, "the state", &(found.pk.clone(), "D#2STATE".to_owned())));
    let tenant = found.data_text("tenant");
    wrong.extend(present(index, "its place among all", &(format!("ROSTER#{tenant}"), id.clone())));
    let entry = index.get(&format!("ROSTER#{tenant}"), &id).map(|entry| &entry.data);
    let archived = entry.is_none_or(|entry| entry["archived"] == found.data["archived_at"].is_string());
    wrong.extend(unless(archived, "is in the other archived state among all"));
    let number = (format!("NUMBER#{tenant}#{}", found.data["number"]), "REPOSITORY".to_owned());
    wrong.extend(present(index, "its number", &number));
    if let Some(product) = found.data_text("namespace").strip_prefix("product/") {
        wrong.extend(present(index, "its product", &(format!("PRODUCTS#{tenant}"), product.to_owned())));
        wrong.extend(present(
            index,
            "its product's number",
            &(format!("PRODUCT#{tenant}#{product}"), "USES".to_owned()),
        ));
        let project = found.data["product"]["project"].as_str().filter(|project| !project.is_empty());
        if let Some(project) = project {
            let uses = (format!("PRODUCT#{tenant}#{product}"), format!("USES#{project}"));
            wrong.extend(present(index, "its project's number", &uses));
        }
    }
    if found.data["namespace"] != "registry" {
        let listed = index.all().any(|place| place.kind() == "NAMESPACE" && place.sk == id);
        wrong.extend(unless(listed, "is not among those of its namespace"));
        wrong.extend(unless(
            found.data["product"].is_object() != found.data["build"].is_object(),
            "knows not its place",
        ));
    }
    let external = usize::from(found.data["external_id"].is_string())
        + found.data["external_aliases"].as_array().map_or(0, Vec::len)
        + usize::from(found.data["remote_url"].is_string());
    // What a review tool has archived has left its place to others.
    let claims_none = found.data["shares_remote"] == true || found.data["review"]["archived_from"].is_string();
    let external = if claims_none { 0 } else { external };
    let identities = held.get("IDENTITY").copied().unwrap_or_default();
    wrong.extend(unless(identities == external, format!("holds {identities} identities of {external}")));
    wrong.extend(platforms::links(index, found, held.get("PLATFORMPROJECT").copied().unwrap_or_default()));
    if let Some(credential) = found.data["credential"].as_str() {
        wrong.extend(present(index, "the use of its credential", &(format!("VAULTUSE#{credential}"), id)));
    }
    wrong
}

#[cfg(test)]
mod tests;
