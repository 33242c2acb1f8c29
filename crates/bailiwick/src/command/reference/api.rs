//! docs/api.md: every call with an example, from the OpenAPI document and from what a test recorded.

use serde_json::Value;

const BEGINNING: &str = "# The API\n\nMade by `bailiwick reference api` from the routes. Schemas of bodies and answers: `GET /openapi.json`. *Who* says who may call: `public`, `self`\n\
    (whoever is signed in), `client` (an API or a client with its credentials), or a permission of API `bailiwick`; `step-up`: with an authentication of the last five\n\
    minutes. Refusals: [errors.md](errors.md).\n\n\
    The examples were asked of a server by a test, which asks them again in each run. Lists are cut to two items, tokens and pictures to a few characters;\n\
    `Authorization: Bearer …` belongs to every call that is not public, `Content-Type: application/json` to every\n\
    body but the forms of OAuth.\n\n| Call | Who | |\n|---|---|---|\n";

/// The page.
pub(super) fn page() -> String {
    let document: Value = serde_json::from_str(&web::document()).unwrap_or_default();
    let mut text = BEGINNING.to_owned();
    for endpoint in web::endpoints() {
        let step_up = if endpoint.step_up { "step-up" } else { "" };
        let who = endpoint.access.name().replace('|', " or ");
        text.push_str(&format!("| `{} {}` | {who} | {step_up} |\n", endpoint.method, endpoint.path));
    }
    for endpoint in web::endpoints() {
        let name = format!("{} {}", endpoint.method, endpoint.path);
        let operation = &document["paths"][&endpoint.path][endpoint.method.as_str().to_ascii_lowercase()];
        text.push_str(&format!("\n## `{name}`\n\n{}\n\n", said(operation)));
        text.push_str(&parameters(operation));
        text.push_str(&answers(operation));
        if let Some(example) = web::examples().get(&name) {
            text.push_str(&call(&name, &example["request"]));
            text.push_str(&answer(&example["answer"]));
        }
    }
    text
}

/// What the handler says of itself.
fn said(operation: &Value) -> String {
    let parts = ["summary", "description"].into_iter().filter_map(|part| operation[part].as_str());
    parts.map(|part| part.trim().replace('\n', " ")).collect::<Vec<_>>().join(" ")
}

fn parameters(operation: &Value) -> String {
    let all = operation["parameters"].as_array().into_iter().flatten().filter(|one| one["in"] == "query");
    let lines: String = all
        .map(|one| {
            let about = one["description"].as_str().unwrap_or_default().trim().replace('\n', " ");
            format!("- `?{}=` {about}\n", one["name"].as_str().unwrap_or_default())
        })
        .collect();
    if lines.is_empty() { lines } else { lines + "\n" }
}

/// Which answers there are: what a success means, and with which statuses it is refused.
fn answers(operation: &Value) -> String {
    let all = operation["responses"].as_object();
    let (good, refused): (Vec<_>, Vec<_>) = all.into_iter().flatten().partition(|(status, _)| status.as_str() < "400");
    let good = good
        .into_iter()
        .map(|(status, about)| format!("{status}: {}.", about["description"].as_str().unwrap_or_default()));
    // Those that any call can have say nothing about this one.
    let refused = refused
        .into_iter()
        .map(|(status, _)| status.as_str())
        .filter(|status| !["413", "421", "500", "503"].contains(status));
    format!("{} Refused: {}.\n\n", good.collect::<Vec<_>>().join(" "), refused.collect::<Vec<_>>().join(", "))
}

fn call(name: &str, request: &Value) -> String {
    let method = name.split(' ').next().unwrap_or_default();
    let first = format!("{method} {}", request["path"].as_str().unwrap_or_default());
    block(&first, request)
}

fn answer(answer: &Value) -> String {
    block(&answer["status"].to_string(), answer)
}

fn block(first: &str, message: &Value) -> String {
    let headers = message["headers"].as_object().into_iter().flatten();
    let headers: String =
        headers.map(|(name, value)| format!("{name}: {}\n", value.as_str().unwrap_or_default())).collect();
    let form = message["form"].as_object().map(|form| {
        let pair = |(name, value): (&String, &Value)| format!("{name}={}", value.as_str().unwrap_or_default());
        format!("\n{}\n", form.iter().map(pair).collect::<Vec<_>>().join("&"))
    });
    let body = message.get("body").and_then(|body| serde_json::to_string_pretty(body).ok());
    let body = body.map(|body| format!("\n{body}\n")).or(form).unwrap_or_default();
    format!("```http\n{first}\n{headers}{body}```\n\n")
}
