//! `/api/repos/:id/skills`: what the scans found and what was added by hand; and accepting what a skill can do.

use axum::extract::State;
use repoplane_api::access::{Listed, Manage, Read, SkillOf};
use repoplane_api::cursor::{self, CursorScope};
use repoplane_api::idempotency::keep_unchanged;
use repoplane_api::query::QueryParams;
use repoplane_api::{Answer, App, IfMatch, Posted, Problem, answer_once};
use repoplane_domain::error::FieldErrors;
use repoplane_domain::id::SkillId;
use repoplane_domain::skill::{self, Powers, Skill, SkillSource, SkillStatus};
use repoplane_store::{KeptAnswer, Place, SkillFilter};
use serde_json::{Value, json};

/// One skill on the wire.
fn view(skill: &Skill) -> Value {
    let mut view = json!({
        "id": skill.id,
        "repoId": skill.repository,
        "source": skill.source,
        "status": skill.status().as_str(),
        "metadata": skill.metadata,
        "lint": skill.lint,
        "createdAt": skill.created_at,
        "updatedAt": skill.updated_at,
    });
    for (name, value) in [
        ("name", &skill.name),
        ("description", &skill.description),
        ("version", &skill.version),
        ("path", &skill.path),
        ("compatibility", &skill.compatibility),
        ("license", &skill.license),
    ] {
        if let Some(value) = value {
            view[name] = json!(value);
        }
    }
    show_powers(&mut view, &skill.powers);
    if let Some(escalation) = &skill.escalation {
        let mut shown = json!({"since": escalation.since});
        show_powers(&mut shown, &escalation.added);
        view["escalation"] = shown;
    }
    if let Some(accepted) = &skill.accepted {
        let mut shown = json!({"version": accepted.version, "at": accepted.at});
        if let Some(by) = accepted.by {
            shown["by"] = json!(by);
        }
        show_powers(&mut shown, &accepted.powers);
        view["accepted"] = shown;
    }
    view
}

fn show_powers(view: &mut Value, powers: &Powers) {
    view["scripts"] = json!(powers.scripts);
    view["allowedTools"] = json!(powers.tools);
}

fn shown(skill: &Skill) -> KeptAnswer {
    KeptAnswer::ok(json!({"skill": view(skill)})).version(skill.revision)
}

/// `repos_list_skills`: those that were listed last come first.
pub(crate) async fn list(State(app): State<App>, listed: Listed<Read>, query: QueryParams) -> Result<Answer, Problem> {
    let id = listed.repository.id;
    let mut errors = FieldErrors::new();
    let filter = SkillFilter {
        source: query.choice("source", &mut errors, "discovered or manual", SkillSource::parse),
        status: query.choice("status", &mut errors, "ok, invalid or escalated", SkillStatus::parse),
        counted: false,
    };
    let filter = errors.into_result(filter)?;
    let scope = CursorScope::of_query(listed.principal.tenant, &["skills", &id.to_string()], &query);
    let after: Option<SkillId> = cursor::decode(&scope, query.get("cursor"))?;
    let from = after.map(Place::After);
    let page = app.store.skills(id, &filter, from, query.page_size(), app.now()).await?;
    let mut answer = json!({"skills": page.skills.iter().map(view).collect::<Vec<_>>()});
    if let Some(next) = page.next {
        answer["nextCursor"] = json!(cursor::encode(&scope, next));
    }
    Ok(Answer::ok(answer))
}

/// `repos_get_skill`.
pub(crate) async fn show(skill: SkillOf<Read>) -> Answer {
    shown(&skill.skill).into()
}

/// `repos_accept_skill`: whoever manages the repository lets the skill do what its version can do.
pub(crate) async fn accept(
    State(app): State<App>,
    found: SkillOf<Manage>,
    if_match: IfMatch,
    posted: Posted,
) -> Result<Answer, Problem> {
    let SkillOf { principal, skill: found, .. } = found;
    let once = posted.once(&principal);
    let run = async {
        let (version, now, before) = (skill::read_acceptance(&posted.body)?, app.now(), found.revision);
        let rule = |stored: &Skill| {
            if_match.check(stored.revision)?;
            skill::accept(stored, version.as_deref(), principal.user, now)
        };
        let accepted = app.store.accept_skill(&principal, found, (once.as_ref(), now), rule, shown).await?;
        if accepted.revision == before {
            return keep_unchanged(&app, once.as_ref(), shown(&accepted)).await;
        }
        Ok(shown(&accepted).into())
    };
    answer_once(&app, once.as_ref(), run).await
}
