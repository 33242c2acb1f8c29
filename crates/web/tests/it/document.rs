//! What openapi.json says of every operation because of how it is mounted. Whether answers keep to it is asked of each answer (`testkit::contract`).

use std::collections::BTreeSet;

use serde_json::Value;
use testkit::{Contract, TestApp};
use web::table::{Access, Endpoint};

async fn contract() -> (TestApp, Contract) {
    let app = TestApp::new().await;
    let text = app.browser().get("/openapi.json").await.expect(200).text;
    (app, Contract::new(&text))
}

fn each(app: &TestApp, contract: &Contract) -> Vec<(String, Endpoint, Value)> {
    let described = |endpoint: Endpoint| {
        let operation = &contract.document()["paths"][&endpoint.path][endpoint.method.as_str().to_lowercase()];
        (format!("{} {}", endpoint.method, endpoint.path), endpoint, operation.clone())
    };
    app.endpoints().into_iter().filter(|endpoint| endpoint.json).map(described).collect()
}

fn resolved<'v>(contract: &'v Contract, value: &'v Value) -> &'v Value {
    match value["$ref"].as_str() {
        Some(reference) => contract.document().pointer(&reference[1..]).unwrap(),
        None => value,
    }
}

#[tokio::test]
async fn every_operation_has_a_name_of_its_own() {
    let (app, contract) = contract().await;
    let operations = each(&app, &contract);

    let names: BTreeSet<&str> = operations.iter().map(|(_, _, o)| o["operationId"].as_str().unwrap()).collect();

    assert_eq!(names.len(), operations.len());
}

#[tokio::test]
async fn every_operation_names_each_refusal_that_its_route_causes() {
    let (app, contract) = contract().await;
    for (name, endpoint, operation) in each(&app, &contract) {
        let declared: BTreeSet<&str> = operation["responses"].as_object().unwrap().keys().map(String::as_str).collect();
        let mut owed = vec!["400", "413", "421", "500", "503"];
        match endpoint.access {
            Access::Public => {}
            Access::Oneself | Access::Client | Access::OAuth => owed.push("401"),
            Access::May(_) | Access::ClientOr(_) | Access::MayEverywhere(_) | Access::MayEither(..) => {
                owed.extend(["401", "403"]);
            }
        }
        if endpoint.path.contains('{') {
            owed.push("404");
        }
        if operation["requestBody"].is_object() {
            owed.extend(match endpoint.access {
                // RFC 6749 and AuthZEN know 400 for whatever cannot be understood.
                Access::OAuth => &[][..],
                Access::ClientOr(_) => &["415"],
                _ => &["415", "422"],
            });
        }
        if operation["parameters"].to_string().contains("If-Match") {
            owed.extend(["412", "428"]);
        }
        for status in owed {
            assert!(declared.contains(status), "{name} does not name {status}: {declared:?}");
        }
        assert!(declared.iter().all(|status| status.parse::<u16>().is_ok()), "{name} names a range: {declared:?}");
        assert!(declared.iter().any(|status| status.starts_with('2')), "{name} names no success");
    }
}

#[tokio::test]
async fn every_refusal_is_a_problem_with_the_headers_of_its_status() {
    let (app, contract) = contract().await;
    for (name, endpoint, operation) in each(&app, &contract) {
        for (status, response) in operation["responses"].as_object().unwrap() {
            let response = resolved(&contract, response);
            assert!(response["description"].as_str().is_some_and(|text| !text.is_empty()), "{name}: {status}");
            if status.as_str() < "400" {
                continue;
            }
            let types: Vec<&String> = response["content"].as_object().unwrap().keys().collect();
            let expected: &[&str] = match (endpoint.access, status.as_str()) {
                (Access::OAuth, "500" | "503") => &["application/json", "application/problem+json"],
                (Access::OAuth, "400" | "401" | "413" | "429") => &["application/json"],
                _ => &["application/problem+json"],
            };
            let types: BTreeSet<&str> = types.into_iter().map(String::as_str).collect();
            assert_eq!(types, expected.iter().copied().collect(), "{name}: {status}");
            let header = match status.as_str() {
                "401" | "403" => "WWW-Authenticate",
                "429" | "503" => "Retry-After",
                _ => continue,
            };
            assert!(response["headers"][header].is_object(), "{name}: {status} without {header}");
        }
    }
}

#[tokio::test]
async fn every_body_is_closed_and_its_texts_are_bounded_where_their_name_says_how() {
    let (app, contract) = contract().await;
    let mut reasons = 0;
    for (name, _, operation) in each(&app, &contract) {
        for (kind, media) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
            // AuthZEN 1.0, section 5: members that are not known are ignored.
            if kind != "application/json" || name == "POST /access/v1/evaluation" {
                continue;
            }
            let schema = resolved(&contract, &media["schema"]);
            assert_eq!(schema["additionalProperties"], false, "{name} takes members that nobody reads: {schema}");
            if schema["properties"]["reason"].is_object() {
                assert_eq!(schema["properties"]["reason"]["maxLength"], 500, "{name}");
                reasons += 1;
            }
        }
    }
    assert!(reasons >= 5, "{reasons}");
}

#[tokio::test]
async fn bodies_of_the_same_name_in_two_files_are_two_schemas() {
    let (_, contract) = contract().await;
    let body = |path: &str| {
        let media = &contract.document()["paths"][path]["post"]["requestBody"]["content"]["application/json"];
        resolved(&contract, &media["schema"])["required"].clone()
    };

    assert_eq!(body("/api/v1/sign-in/totp/confirm"), serde_json::json!(["transaction", "code"]));
    assert_eq!(body("/api/v1/me/factors/totp/confirm"), serde_json::json!(["id", "code"]));
}
