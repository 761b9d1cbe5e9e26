//! The table of rights, row by row.

use super::*;
use crate::id::{AccessTokenId, TenantId, UserId};
use crate::platform::{Actor, Group, GroupMember, Party, PlatformType, UserRef};
use crate::time::Timestamp;

fn user(n: i64) -> UserId {
    UserId::start_of(Timestamp::from_second(n))
}

fn principal(n: i64, roles: &[GlobalRole]) -> Principal {
    let at = Timestamp::from_second(0);
    Principal {
        tenant: TenantId::start_of(at),
        user: user(n),
        username: format!("u{n}"),
        display_name: None,
        email: None,
        roles: roles.iter().copied().collect(),
        token: AccessTokenId::start_of(at),
        kind: TokenKind::Personal,
        scopes: Scope::OF_A_TENANT.into(),
        policy: None,
    }
}

fn reference(n: i64) -> UserRef {
    UserRef { id: user(n), number: n.unsigned_abs(), username: format!("u{n}") }
}

fn party(n: i64) -> Party {
    Party { actor: Actor::User(user(n)), number: n.unsigned_abs(), uname: format!("u{n}") }
}

fn group(number: u64, members: &[i64]) -> Group {
    let at = Timestamp::from_second(0);
    let member = |n: &i64| GroupMember { user: reference(*n), role: RelationRole::Admin };
    Group {
        number,
        tenant: TenantId::start_of(at),
        uname: format!("g{number}"),
        description: None,
        owner: reference(members[0]),
        members: members.iter().map(member).collect(),
        created_at: at,
        updated_at: at,
        version: 1,
    }
}

/// Owned by user 1; 2 is a reader, 3 a writer, 4 an administrator, group 9 (with 6 and 7) an administrator.
fn platform(platform_type: PlatformType, visibility: Visibility) -> Platform {
    let at = Timestamp::from_second(0);
    let mut platform = Platform::personal(5, TenantId::start_of(at), party(1), at);
    (platform.platform_type, platform.visibility) = (platform_type, visibility);
    for (n, role) in [(2, RelationRole::Reader), (3, RelationRole::Writer), (4, RelationRole::Admin)] {
        platform = platform.with(party(n), role, at).unwrap();
    }
    platform.with(group(9, &[6, 7]).party(), RelationRole::Admin, at).unwrap()
}

const ACTIONS: [BuildAction<'static>; 11] = [
    BuildAction::Show,
    BuildAction::Packages,
    BuildAction::Create("contrib"),
    BuildAction::Update,
    BuildAction::Destroy("contrib"),
    BuildAction::ChangeMembers,
    BuildAction::ChangeProjects,
    BuildAction::Sign,
    BuildAction::Lock,
    BuildAction::ReadKeys,
    BuildAction::Administer,
];

/// What one caller may do, a letter for each action: allowed or a dot.
fn row(principal: &Principal, platform: &Platform, listed: Option<RepositoryRole>) -> String {
    let groups = [group(9, &[6, 7])];
    let standing = Standing::of(Asking { principal, groups: &groups }, platform, listed);
    ACTIONS
        .iter()
        .zip("SPCUDMJKLRA".chars())
        .map(|(action, letter)| match standing.need(platform, *action) {
            Ok(()) => letter,
            Err(_) => '.',
        })
        .collect()
}

#[test]
fn the_table_of_a_distribution() {
    let hidden = platform(PlatformType::Main, Visibility::Hidden);
    let (member, owner) = (Some(RepositoryRole::Member), Some(RepositoryRole::Owner));
    for (who, listed, roles, expected) in [
        (1, None, &[][..], "SPCUDMJKL.A"),
        (2, None, &[], "S.........."),
        (3, None, &[], "S.........."),
        (4, None, &[], "SPCUDMJKL.A"),
        (5, None, &[], "..........."),
        (5, member, &[], "S.....J...."),
        (5, Some(RepositoryRole::Maintainer), &[], "S.....J...."),
        (5, owner, &[], "SPCUDMJKL.A"),
        (7, None, &[], "SPCUDMJKL.A"),
        (5, None, &[GlobalRole::Admin], "SPCUDMJKL.A"),
        (5, None, &[GlobalRole::System], "........LR."),
        (1, None, &[GlobalRole::System], "SPCUDMJKLRA"),
    ] {
        assert_eq!(row(&principal(who, roles), &hidden, listed), expected, "user {who} {listed:?} {roles:?}");
    }
    let open = platform(PlatformType::Main, Visibility::Open);
    assert_eq!(row(&principal(5, &[]), &open, None), "S..........");
}

#[test]
fn the_table_of_a_personal_platform() {
    let personal = platform(PlatformType::Personal, Visibility::Hidden);
    for (who, roles, expected) in [
        (1, &[][..], "SPCUD.J...A"),
        (4, &[], "SPCUD.J...A"),
        (5, &[GlobalRole::Admin][..], "SPCUD.J...A"),
        (5, &[GlobalRole::System], ".........R."),
    ] {
        assert_eq!(row(&principal(who, roles), &personal, None), expected, "user {who} {roles:?}");
    }
    for who in [principal(1, &[]), principal(5, &[GlobalRole::Admin])] {
        let standing = Standing::of(Asking { principal: &who, groups: &[] }, &personal, None);
        for action in [BuildAction::Create("main"), BuildAction::Destroy("main")] {
            assert!(standing.need(&personal, action).is_err(), "{action:?}");
        }
    }
}

#[test]
fn a_token_never_says_more_than_its_kind() {
    let platform = platform(PlatformType::Main, Visibility::Hidden);
    let tool = Principal { kind: TokenKind::Integration, ..principal(5, &[GlobalRole::System]) };
    assert_eq!(row(&tool, &platform, None), "SPCUDMJKL.A");
    let lent = |n, roles: &[GlobalRole]| Principal { kind: TokenKind::Platform, ..principal(n, roles) };
    assert_eq!(row(&lent(5, &[GlobalRole::Admin, GlobalRole::System]), &platform, None), "...........");
    assert_eq!(row(&lent(1, &[]), &platform, None), "SPCUDMJKL.A");
}
