//! The `automation` function: the automation configuration of a repository.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    repoplane_api::lambda::run(repoplane_automation::router).await
}
