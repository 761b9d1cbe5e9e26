//! Skills in the table: what a scan would bring, catalogued by the rules and written by the store.

use crate::{ADMIN_TOKEN, TestApp};
use repoplane_domain::access::Principal;
use repoplane_domain::id::RepositoryId;
use repoplane_domain::secret::{Secret, sha256_hex};
use repoplane_domain::skill::{
    CatalogueChange, EntryKind, Manifest, SKILL_FILE, Skill, SkillFolder, TreeEntry, WalkedTree, catalogue,
};

/// A branch as a walk brings it back, made by hand.
#[derive(Debug, Clone, Default)]
pub struct Branch(WalkedTree);

impl Branch {
    /// A folder with this `SKILL.md` and files of these paths; those below `scripts/` may be run.
    #[must_use]
    pub fn with(mut self, folder: &str, manifest: &str, files: &[&str]) -> Self {
        let entry = |path: &str| TreeEntry { path: path.to_owned(), kind: EntryKind::File, object: sha256_hex(b"x") };
        let mut entries: Vec<TreeEntry> = files.iter().map(|path| entry(path)).collect();
        entries.push(TreeEntry { object: sha256_hex(manifest.as_bytes()), ..entry(SKILL_FILE) });
        let manifest = Manifest::Bytes(manifest.as_bytes().to_vec());
        self.0.folders.insert(folder.to_owned(), SkillFolder { manifest, entries, truncated: false });
        self
    }

    /// A folder whose `SKILL.md` is good, with more lines of front matter.
    #[must_use]
    pub fn good(self, folder: &str, more: &str, files: &[&str]) -> Self {
        let name = folder.rsplit('/').next().unwrap_or_default();
        self.with(folder, &format!("---\nname: {name}\ndescription: Does {name}.\n{more}---\n"), files)
    }

    /// What a walk of it brings back.
    pub fn walked(&self) -> WalkedTree {
        self.0.clone()
    }

    /// The same branch without a folder.
    #[must_use]
    pub fn without(mut self, folder: &str) -> Self {
        self.0.folders.remove(folder);
        self
    }
}

impl TestApp {
    /// Catalogues a branch of a repository; the first time, everything in it is accepted.
    pub async fn catalogue(&self, repo: &str, branch: &Branch) -> CatalogueChange {
        let id: RepositoryId = repo.parse().expect("an id");
        let (known, now) = (self.store().catalogue_of(id).await.expect("the catalogue"), self.app().now());
        let change = catalogue(&known, &branch.0, known.is_empty(), id, now, self.store().ids()).expect("not too many");
        assert!(self.store().put_catalogue(id, &change, now).await.expect("a table"), "somebody was faster");
        change
    }

    /// The administrator as the store knows them, for what no route does yet.
    pub async fn admin_principal(&self) -> Principal {
        let found =
            self.store().token_record(&Secret::new(ADMIN_TOKEN), true, self.app().now()).await.expect("the table");
        found.and_then(|record| record.principal(self.app().now())).expect("the administrator")
    }

    /// A skill of the table by its name.
    pub async fn skill(&self, repo: &str, name: &str) -> Skill {
        let all = self.store().catalogue_of(repo.parse().expect("an id")).await.expect("the catalogue");
        all.into_iter().find(|skill| skill.name.as_deref() == Some(name)).expect("a skill of this name")
    }

    /// Catalogues a skill that is escalated, and gives its id.
    pub async fn escalated_skill(&self, repo: &str) -> String {
        let calm = Branch::default().good("deploy", "", &[]);
        self.catalogue(repo, &calm).await;
        self.catalogue(repo, &calm.good("deploy", "allowed-tools: Bash\n", &["scripts/run.sh"])).await;
        self.skill(repo, "deploy").await.id.to_string()
    }
}
