//! One call of every operation of Nautes' API.

use super::plays::{Play, Stage, with};
use repoplane_tests::Event;
use serde_json::{Value, json};

impl Stage {
    /// A product of its own with a project and a repository, by its path.
    async fn product(&self) -> String {
        let admin = self.app.admin();
        let product = format!("/api/v1/products/{}", self.name("product"));
        admin.post(&product, json!({"git": {}})).await.expect(200);
        admin.post(&format!("{product}/projects/shop"), json!({})).await.expect(200);
        admin.post(&format!("{product}/coderepos/web"), saved("shop")).await.expect(200);
        product
    }

    pub(super) async fn prepare_nautes(&self, operation: &str, case: &str) -> Option<Play> {
        let product = self.product().await;
        let (web, shop) = (format!("{product}/coderepos/web"), format!("{product}/projects/shop"));
        let delete = |path: &str| self.play(Event::new("DELETE", path), 200);
        let save = |path: &str, body: &Value| self.play(with("POST", path, body), 200);
        Some(match (operation, case) {
            ("nautes_list_products", "") => self.read("/api/v1/products"),
            ("nautes_get_product", "") => self.read(&product),
            ("nautes_save_product", "") => save(&format!("{product}-new"), &json!({"git": {}})),
            ("nautes_save_product", "again") => save(&product, &json!({"git": {"gitlab": {"visibility": "public"}}})),
            ("nautes_delete_product", "") => {
                self.app.admin().delete(&web).await.expect(200);
                delete(&product)
            }
            ("nautes_list_coderepos", "") => self.read(&format!("{product}/coderepos")),
            ("nautes_get_coderepo", "") => self.read(&web),
            ("nautes_save_coderepo", "") => save(&format!("{product}/coderepos/new"), &saved("shop")),
            ("nautes_save_coderepo", "again") => save(&web, &saved("")),
            ("nautes_delete_coderepo", "") => delete(&web),
            ("nautes_list_projects", "") => self.read(&format!("{product}/projects")),
            ("nautes_get_project", "") => self.read(&shop),
            ("nautes_save_project", "") => save(&format!("{shop}2"), &json!({"language": "golang"})),
            ("nautes_delete_project", "") => {
                self.app.admin().delete(&web).await.expect(200);
                delete(&shop)
            }
            _ => return None,
        })
    }
}

fn saved(project: &str) -> Value {
    json!({"project": project, "git": {"gitlab": {"visibility": "private"}}})
}
