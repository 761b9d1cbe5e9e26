//! Page borders: whatever the size of a page and the number of items, a walk meets each item once, and ends where a page
//! says that there are no more (Q11).

use super::activity::{commits, github, gitlab, issues, merges, read};
use super::double::{Asked, Double, Said, access, target};
use super::hooks::{github_hook, gitlab_hook};
use super::listing::{github_repository, gitlab_project, walk};
use repoplane_domain::repository::Provider;
use repoplane_providers::{Activity, MAX_ACTIVITY_PAGE};
use serde_json::Value;

/// The three parts of one page: ids, and whether a later page has items.
type Parts = [(Vec<String>, bool); 3];

fn parts(activity: &Activity) -> Parts {
    [commits(activity), merges(activity), issues(activity)]
}

/// Walks all parts to the end of the longest, and one page on.
async fn walked(double: &Double, provider: Provider, size: u8) -> [Vec<String>; 3] {
    let mut all: [Vec<String>; 3] = Default::default();
    let mut may_follow = [true; 3];
    for page in 1.. {
        let is_over = may_follow == [false; 3];
        let parts = parts(&read(double, provider, "acme/widgets", size, page).await);
        for (part, (ids, has_more)) in parts.into_iter().enumerate() {
            assert!(ids.len() <= size.into(), "{provider} size {size} page {page}");
            // A later page is promised if and only if it has items; the first may be empty.
            assert!(page == 1 || ids.is_empty() != may_follow[part], "{provider} size {size} page {page} part {part}");
            may_follow[part] = has_more;
            all[part].extend(ids);
        }
        if is_over {
            break;
        }
    }
    all
}

fn numbers(of: impl Iterator<Item = usize>) -> Vec<String> {
    of.map(|number| number.to_string()).collect()
}

fn titles(count: usize) -> Vec<String> {
    (1..=count).map(|number| format!("Change {number}")).collect()
}

/// Numbers of items at the borders of the first pages; none at all, for pages of one.
fn counts(size: u8) -> [usize; 4] {
    let size = usize::from(size);
    [size - 1, size, size + 1, 2 * size]
}

#[tokio::test]
async fn activity_at_github_is_walked_at_every_size() {
    for size in 1..=MAX_ACTIVITY_PAGE {
        for count in counts(size) {
            // Every third pull request was merged, and every odd number of the issues is one; what follows the last
            // that fits must not promise a page.
            let double = Double::start(move |asked| github(asked, [count, 3 * count + 2, 2 * count])).await;
            let expected =
                [titles(count), numbers((1..=count).map(|n| 3 * n)), numbers((1..=count).map(|n| 2 * n - 1))];
            assert_eq!(walked(&double, Provider::Github, size).await, expected, "size {size}, {count} items");
        }
    }
}

#[tokio::test]
async fn activity_at_gitlab_is_walked_at_every_size_with_and_without_headers() {
    for headers in [true, false] {
        for size in 1..=MAX_ACTIVITY_PAGE {
            for count in counts(size) {
                // The parts end on different pages.
                let counts = [count, count.saturating_sub(1), count + usize::from(size)];
                let double = Double::start(move |asked| gitlab(asked, counts, headers)).await;
                let expected = [titles(counts[0]), numbers(1..=counts[1]), numbers(1..=counts[2])];
                assert_eq!(walked(&double, Provider::Gitlab, size).await, expected, "{headers} {size} {count}");
            }
        }
    }
}

/// A page of any list, as the provider gives it; without headers as GitLab does where counting is dear.
fn page(provider: Provider, asked: &Asked, all: &[Value], headers: bool) -> Said {
    match provider {
        Provider::Github => Said::github_page(asked, all),
        Provider::Gitlab | Provider::Git if headers => Said::gitlab_page(asked, all),
        Provider::Gitlab | Provider::Git => {
            let (page, per_page) = (asked.number("page"), asked.number("per_page"));
            Said::ok(all.iter().skip((page - 1) * per_page).take(per_page).cloned().collect::<Vec<_>>().into())
        }
    }
}

#[tokio::test]
async fn hooks_and_repositories_are_walked_over_every_border() {
    for (provider, headers) in [(Provider::Github, true), (Provider::Gitlab, true), (Provider::Gitlab, false)] {
        for count in [0, 1, 99, 100, 101, 199, 200, 201, 1_000] {
            let double = Double::start(move |asked| {
                let is_hooks = asked.path.ends_with("/hooks");
                let of = |number: usize| match (provider, is_hooks) {
                    (Provider::Github, true) => github_hook(number as u64),
                    (Provider::Github, false) => github_repository(number),
                    (Provider::Gitlab | Provider::Git, true) => gitlab_hook(number as u64),
                    (Provider::Gitlab | Provider::Git, false) => gitlab_project(number),
                };
                page(provider, asked, &(1..=count).map(of).collect::<Vec<_>>(), headers)
            })
            .await;
            let base = double.url();
            let hooks = double.providers.list_hooks(&target(provider, &base, "acme/widgets"), &access()).await;
            let ids: Vec<_> = hooks.unwrap().value.into_iter().map(|hook| hook.id).collect();
            assert_eq!(ids, numbers(1..=count), "hooks at {provider} {headers}");
            let listed = walk(&double, provider, None).await;
            let ids = listed.iter().map(|repository| repository.identity.id.to_string()).collect::<Vec<_>>();
            assert_eq!(ids, numbers(1..=count), "repositories at {provider} {headers}");
        }
    }
}
