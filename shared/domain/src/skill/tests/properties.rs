//! Random trees, scan after scan: against a catalogue that is written down naively, and against hostile texts.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// What a folder holds in one scan.
#[derive(Debug, Clone)]
struct Given {
    folder: String,
    /// `None` is a bad file.
    tools: Option<Vec<&'static str>>,
    scripts: Vec<&'static str>,
}

fn folders() -> impl Strategy<Value = Vec<Given>> {
    let place = prop::sample::select(vec!["", "a/", "a-b/", "b/", "a/c/"]);
    let name = prop::sample::select(vec!["x", "y", "x-y"]);
    let tools = prop::option::weighted(0.8, prop::sample::subsequence(vec!["Bash", "Bash(git:*)", "Read"], 0..=2));
    let scripts = prop::sample::subsequence(vec!["scripts/1", "scripts/2"], 0..=2);
    let given = (place, name, tools, scripts).prop_map(|(place, name, tools, scripts)| Given {
        folder: format!("{place}{name}"),
        tools,
        scripts,
    });
    prop::collection::vec(given, 0..6)
}

/// What is expected of an entry: id, name, version's inputs, status, whether it has lints, and what was accepted.
#[derive(Debug, Clone, PartialEq)]
struct Naive {
    key: usize,
    name: Option<String>,
    tools: Vec<String>,
    scripts: Vec<String>,
    escalated: bool,
    lints: bool,
    accepted: Option<(Vec<String>, Vec<String>)>,
}

/// The rules again, step by step over lists, sharing nothing with the catalogue.
fn naive(
    known: &BTreeMap<String, Naive>,
    tree: &BTreeMap<String, Given>,
    first: bool,
    next_key: &mut usize,
) -> BTreeMap<String, Naive> {
    let mut result: BTreeMap<String, Naive> = BTreeMap::new();
    for (path, given) in tree {
        let old = known.get(path);
        let own = given.folder.rsplit('/').next().unwrap().to_owned();
        let wanted = if given.tools.is_some() { Some(own) } else { old.and_then(|old| old.name.clone()) };
        let taken = wanted.is_some() && result.values().any(|other| other.name == wanted);
        let moved = || {
            let gone = |(path, entry): &(&String, &Naive)| !tree.contains_key(*path) && entry.name == wanted;
            let found = known.iter().find(gone).map(|(_, entry)| entry);
            found.filter(|entry| !result.values().any(|other| other.key == entry.key))
        };
        let source = match old {
            None if given.tools.is_some() && !taken => moved(),
            _ => old,
        };
        let mut entry = source.cloned().unwrap_or_else(|| {
            *next_key += 1;
            Naive {
                key: *next_key,
                name: None,
                tools: vec![],
                scripts: vec![],
                escalated: false,
                lints: false,
                accepted: None,
            }
        });
        match &given.tools {
            Some(tools) if !taken => {
                entry.name = wanted;
                entry.lints = false;
                entry.tools = tools.iter().map(|tool| (*tool).to_owned()).collect();
                entry.scripts = given.scripts.iter().map(|script| (*script).to_owned()).collect();
                let (old_tools, old_scripts) = entry.accepted.clone().unwrap_or_default();
                let covered = |tool: &String| {
                    old_tools.contains(tool) || (tool.starts_with("Bash(") && old_tools.contains(&"Bash".to_owned()))
                };
                let more = !entry.tools.iter().all(covered) || !entry.scripts.iter().all(|s| old_scripts.contains(s));
                entry.escalated = more && !first;
                if !entry.escalated {
                    entry.accepted = Some((entry.tools.clone(), entry.scripts.clone()));
                }
            }
            None if !taken && entry.name.is_some() => entry.lints = true,
            _ => {
                (entry.name, entry.escalated, entry.lints) = (None, false, true);
                (entry.tools, entry.scripts) = (vec![], vec![]);
            }
        }
        result.insert(path.clone(), entry);
    }
    result
}

fn shown(
    skills: &[Skill],
    keys: &mut BTreeMap<crate::id::SkillId, usize>,
    expected: &BTreeMap<String, Naive>,
) -> BTreeMap<String, Naive> {
    let mut all = BTreeMap::new();
    for skill in skills {
        let path = skill.path.clone().unwrap();
        // An id that was not seen stands for whatever new key is expected there; from then on it must stay so.
        let fresh = expected.get(&path).map_or(0, |entry| entry.key);
        let key = *keys.entry(skill.id).or_insert(fresh);
        let accepted = skill.accepted.clone().map(|accepted| (accepted.powers.tools, accepted.powers.scripts));
        all.insert(
            path,
            Naive {
                key,
                name: skill.name.clone(),
                tools: skill.powers.tools.clone(),
                scripts: skill.powers.scripts.clone(),
                escalated: skill.status() == SkillStatus::Escalated,
                lints: !skill.lint.is_empty(),
                accepted,
            },
        );
    }
    all
}

/// A good file, with something of it put elsewhere, doubled or cut out.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let good = "---\nname: pdf\ndescription: >-\n  Reads.\nlicense: MIT\nmetadata: {a: \"b\", c: [d]}\n\
                allowed-tools:\n- Bash(x, y)\n- &a Read\n- *a\n? k\n: |\n  v\n...\n---\nbody\n";
    let cut = (0..good.len(), 0..good.len(), 0..good.len(), prop::collection::vec(any::<u8>(), 0..4));
    prop::collection::vec(cut, 1..4).prop_map(move |cuts| {
        let mut bytes = good.as_bytes().to_vec();
        for (from, length, to, noise) in cuts {
            let from = from.min(bytes.len());
            let piece: Vec<u8> = bytes[from..].iter().take(length % 20).copied().collect();
            let to = to.min(bytes.len());
            if length % 2 == 0 {
                bytes.splice(to..to, piece.into_iter().chain(noise));
            } else {
                bytes.splice(from..from + piece.len(), noise);
            }
        }
        bytes
    })
}

proptest! {
    #[test]
    fn the_catalogue_is_what_the_rules_say(scans in prop::collection::vec(folders(), 1..5)) {
        let mut repo = Scanned::default();
        let (mut expected, mut keys, mut next_key) = (BTreeMap::new(), BTreeMap::new(), 0);
        for (n, given) in scans.into_iter().enumerate() {
            repo.tree.folders.clear();
            let mut tree = BTreeMap::new();
            for given in given {
                let files: Vec<_> = given.scripts.iter().map(|script| (*script, "1")).collect();
                match &given.tools {
                    Some(tools) => {
                        repo.good(&given.folder, &format!("allowed-tools: {}\n", tools.join(" ")), &files)
                    }
                    None => repo.folder(&given.folder, "?", &files),
                };
                tree.insert(format!("{}/{SKILL_FILE}", given.folder), given);
            }
            repo.scan();
            expected = naive(&expected, &tree, n == 0, &mut next_key);
            prop_assert_eq!(&shown(&repo.skills, &mut keys, &expected), &expected);
            let counted = repo.skills.iter().filter(|skill| skill.is_counted()).count();
            prop_assert_eq!(repo.change.counts.skills, counted);
            let known = repo.skills.clone();
            let again = catalogue(&known, &repo.tree, false, repository(), at(99), &Counting::default()).unwrap();
            prop_assert!(again.is_empty() && again.names.is_empty(), "{:?}", again);
        }
    }

    #[test]
    fn names_change_hands_as_the_skills_do(scans in prop::collection::vec(folders(), 1..5)) {
        let mut repo = Scanned::default();
        let mut claims = BTreeMap::new();
        for given in scans {
            repo.tree.folders.clear();
            for given in given {
                match given.tools {
                    Some(_) => repo.good(&given.folder, "", &[]),
                    None => repo.folder(&given.folder, "?", &[]),
                };
            }
            repo.scan();
            for change in &repo.change.names {
                prop_assert_eq!(claims.get(&change.name).copied(), change.from);
                match change.to {
                    Some(id) => drop(claims.insert(change.name.clone(), id)),
                    None => drop(claims.remove(&change.name)),
                }
            }
            let held = repo.skills.iter().filter_map(|skill| Some((skill.name.clone()?, skill.id)));
            prop_assert_eq!(&held.collect::<BTreeMap<_, _>>(), &claims, "one holder each");
        }
    }

    #[test]
    fn no_text_brings_the_reader_down(bytes in mutated(), noise in prop::collection::vec(any::<u8>(), 0..200)) {
        for bytes in [&bytes, &noise, &[b"---\n", &noise[..], b"\n---\n"].concat()] {
            match read_front_matter(bytes, None) {
                Ok(read) => {
                    prop_assert!(is_skill_name(&read.name));
                    prop_assert!((1..=MAX_DESCRIPTION_CHARS).contains(&read.description.chars().count()));
                    prop_assert!(read.allowed_tools.len() <= MAX_TOOLS && read.metadata.len() <= MAX_METADATA_KEYS);
                }
                Err(lints) => {
                    prop_assert!(!lints.is_empty() && lints.len() <= MAX_LINTS);
                    let lines = bytes.split(|byte| *byte == b'\n').count() as u32 + 1;
                    for lint in lints {
                        prop_assert!(lint.line <= lines, "{:?} in {:?}", lint, String::from_utf8_lossy(bytes));
                        prop_assert!(lint.message.chars().count() <= MAX_LINT_CHARS);
                        prop_assert!(!lint.message.contains(char::is_control));
                    }
                }
            }
        }
    }

    #[test]
    fn a_skill_fits_its_item(scripts in 1..=MAX_SCRIPTS, tools in 1..=MAX_TOOLS, keys in 0..=MAX_METADATA_KEYS) {
        let path = MAX_SCRIPT_BYTES / scripts;
        let scripts: Vec<String> = (0..scripts).map(|n| format!("scripts/{n}{}", "s".repeat(path.saturating_sub(12)))).collect();
        let files: Vec<(&str, &str)> = scripts.iter().map(|script| (script.as_str(), "1")).collect();
        let tools: String = (0..tools).map(|n| format!("{n}{} ", "t".repeat(MAX_TOOL_CHARS - 3))).collect();
        let metadata: String = (0..keys).map(|n| format!("  k{n}: {}\n", "v".repeat(100))).collect();
        let mut repo = Scanned::default();
        repo.good("a", &format!("allowed-tools: {tools}\nmetadata:\n{metadata}"), &[]).scan();
        repo.good("a", &format!("metadata:\n{metadata}allowed-tools: {tools}\n"), &files).scan();
        let size = serde_json::to_vec(repo.at_path("a")).unwrap().len();
        // DynamoDB: an item has at most 400 KB.
        prop_assert!(size < 300 * 1024, "{size}");
    }
}
