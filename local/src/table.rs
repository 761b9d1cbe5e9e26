//! The table as the template declares it: the one source for the cloud, the development server and the tests.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, TimeToLiveSpecification,
};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The template of the deployment.
pub(crate) const TEMPLATE: &str = include_str!("../../infra/template.yaml");
/// Logical id of the table in it.
const TABLE: &str = "Table";

/// The table cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The template does not declare it as expected.
    #[error("the template does not declare the table: {0}")]
    Template(String),
    /// The engine refused.
    #[error("the table cannot be created: {0}")]
    Engine(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Template {
    resources: BTreeMap<String, serde_yaml_ng::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Resource {
    properties: Properties,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Properties {
    attribute_definitions: Vec<Attribute>,
    key_schema: Vec<KeyElement>,
    global_secondary_indexes: Vec<Index>,
    time_to_live_specification: TimeToLive,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attribute {
    attribute_name: String,
    attribute_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeyElement {
    attribute_name: String,
    key_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Index {
    index_name: String,
    key_schema: Vec<KeyElement>,
    projection: ProjectionOf,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ProjectionOf {
    projection_type: String,
    #[serde(default)]
    non_key_attributes: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TimeToLive {
    attribute_name: String,
}

/// Creates the table under a name, unless it exists.
///
/// # Errors
/// [`TableError`].
pub async fn create(client: &Client, name: &str) -> Result<(), TableError> {
    let template: Template = serde_yaml_ng::from_str(TEMPLATE).map_err(declared)?;
    let table =
        template.resources.get(TABLE).cloned().ok_or_else(|| TableError::Template("it is missing".to_owned()))?;
    let Resource { properties } = serde_yaml_ng::from_value(table).map_err(declared)?;
    let mut call = client.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    for attribute in &properties.attribute_definitions {
        let definition = AttributeDefinition::builder().attribute_name(&attribute.attribute_name);
        let definition = definition.attribute_type(ScalarAttributeType::from(attribute.attribute_type.as_str()));
        call = call.attribute_definitions(definition.build().map_err(declared)?);
    }
    call = call.set_key_schema(Some(key_schema(&properties.key_schema)?));
    for index in &properties.global_secondary_indexes {
        let kind = ProjectionType::from(index.projection.projection_type.as_str());
        let projection = Projection::builder().projection_type(kind);
        let projection = projection.set_non_key_attributes(index.projection.non_key_attributes.clone()).build();
        let index = GlobalSecondaryIndex::builder()
            .index_name(&index.index_name)
            .set_key_schema(Some(key_schema(&index.key_schema)?))
            .projection(projection);
        call = call.global_secondary_indexes(index.build().map_err(declared)?);
    }
    match call.send().await {
        Ok(_) => {}
        Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_in_use_exception()) => return Ok(()),
        Err(error) => return Err(TableError::Engine(DisplayErrorContext(error).to_string())),
    }
    let life = TimeToLiveSpecification::builder().enabled(true);
    let life = life.attribute_name(&properties.time_to_live_specification.attribute_name).build().map_err(declared)?;
    let call = client.update_time_to_live().table_name(name).time_to_live_specification(life);
    call.send().await.map(drop).map_err(|error| TableError::Engine(DisplayErrorContext(error).to_string()))
}

fn key_schema(elements: &[KeyElement]) -> Result<Vec<KeySchemaElement>, TableError> {
    let element = |element: &KeyElement| {
        let key_type = KeyType::from(element.key_type.as_str());
        KeySchemaElement::builder().attribute_name(&element.attribute_name).key_type(key_type).build().map_err(declared)
    };
    elements.iter().map(element).collect()
}

fn declared(error: impl std::fmt::Display) -> TableError {
    TableError::Template(error.to_string())
}
