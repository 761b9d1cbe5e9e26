//! The `repos` function: repositories, members, access, and every path that no other function has.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    repoplane_api::lambda::run(repoplane_repos::router).await
}
