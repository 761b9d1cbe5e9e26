//! The documents say what the code does: routes, problems, limits, links.

use crate::workspace::{read, root};
use repoplane_api::problem::ProblemType;

#[test]
fn the_readme_names_every_route() {
    let readme = read("README.md");
    let mut missing = Vec::new();
    for route in repoplane_tests::routes().into_iter().map(|(_, route)| route.path) {
        // Deeper paths may stand shortened beside their parent: `…/:id`.
        let written = route.replace('{', ":").replace('}', "").replace("_id", "Id").replace("/getId", "/get_id");
        let written =
            written.replace(":tokenId", ":id").replace(":tenantId", ":id").replace("users/:userId", "users/:id");
        let last = written.rsplit_once('/').map_or(String::new(), |(_, last)| format!("`…/{last}`"));
        let parent = written.rsplit_once('/').map_or("", |(parent, _)| parent);
        let shortened = readme.lines().any(|line| line.contains(&last) && mentions(line, parent));
        if !readme.contains(&format!("`{written}`")) && !shortened {
            missing.push(route);
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// Whether a row of the table is of this path, or of something beside it or right above it.
fn mentions(row: &str, path: &str) -> bool {
    let above = path.rsplit_once('/').map_or("", |(above, _)| above);
    row.contains(&format!("`{path}")) || (above.len() > "/api/repos/:id".len() && row.contains(&format!("`{above}")))
}

#[test]
fn the_architecture_page_lists_every_problem_with_its_status() {
    let page = read("docs/architecture.md");
    for problem in ProblemType::ALL {
        let row = format!("| `{}` | {}", problem.slug(), problem.status().as_u16());
        assert!(page.contains(&row), "{row}");
    }
}

#[test]
fn every_limit_of_the_architecture_page_stands_where_it_says() {
    let page = read("docs/architecture.md");
    let (_, limits) = page.split_once("## Limits").expect("the limits");
    let rows: Vec<_> = limits.lines().filter(|line| line.contains(".rs`, `")).collect();
    assert!(rows.len() > 20, "{rows:#?}");
    for row in rows {
        let mut quoted = row.rsplit('|').nth(1).unwrap_or_default().split('`').skip(1).step_by(2);
        let (file, name) = (quoted.next().unwrap_or_default(), quoted.next().unwrap_or_default());
        assert!(read(file).contains(&format!("const {name}: ")), "{row}");
    }
}

#[test]
fn every_path_that_a_document_links_or_names_exists() {
    let documents = [
        "README.md",
        "CHANGELOG.md",
        "docs/architecture.md",
        "docs/operations.md",
        "docs/events.md",
        "docs/performance.md",
        "docs/syncs.md",
        "docs/deploy.md",
        "infra/README.md",
    ];
    for document in documents {
        let text = read(document);
        let folder = root().join(document).parent().expect("a folder").to_owned();
        for target in text.split("](").skip(1).filter_map(|part| part.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            assert!(target.starts_with("http") || folder.join(file).exists(), "{document} links {target}");
        }
        let named = text.split('`').skip(1).step_by(2);
        let named = named.filter(|name| name.contains('/') && (name.ends_with(".rs") || name.ends_with(".sh")));
        for name in named.filter(|name| !name.contains(['{', ' ', '*'])) {
            let places = [name.to_owned(), format!("shared/{name}")];
            assert!(places.iter().any(|place| root().join(place).exists()), "{document} names {name}");
        }
    }
}
