//! What a page transfers before it can be read, to somebody who was never here: bytes as the server sends them to a browser that takes gzip.

use std::collections::BTreeMap;

use axum::http::Method;
use service::hashing::Cost;

use crate::Failure;
use crate::house::{House, PASSWORD, Plan};
use crate::report::{Report, Target};
use crate::surface::{Answer, Surface};

const NAME: &str = "pages";
const BASE: &str = "https://id.example.org";
const MOST_SIGN_IN: f64 = 8.0 * 1024.0;
const MOST_ACCOUNT: f64 = 12.0 * 1024.0;
const ACCOUNT: [&str; 3] = ["/account", "/account/password", "/account/second-factor/new"];

struct Visitor {
    surface: Surface,
    cookies: String,
}

impl Visitor {
    async fn get(&self, path: &str) -> Result<Answer, Failure> {
        let headers = [("accept", "text/html"), ("accept-encoding", "gzip, br"), ("cookie", &self.cookies)];
        let headers = if self.cookies.is_empty() { &headers[..2] } else { &headers };
        let request = self.surface.request((Method::GET, path), 1, headers, String::new())?;
        let answer = self.surface.answer(request).await?;
        if answer.status == 200 { Ok(answer) } else { Err(format!("{path}: {}", answer.status).into()) }
    }

    /// Bytes of a page and of each file that it loads, by its address without a fragment.
    async fn load(&self, path: &str) -> Result<(f64, BTreeMap<String, Answer>), Failure> {
        let page = self.get(path).await?;
        let text = page.text();
        let mut files = BTreeMap::new();
        // Whatever is not a link or a form: style sheets, icons, scripts, pictures.
        for tag in
            text.split('<').filter(|tag| ["link ", "script ", "use ", "img "].iter().any(|name| tag.starts_with(name)))
        {
            for attribute in [" href=\"", " src=\""] {
                let Some((_, rest)) = tag.split_once(attribute) else { continue };
                let address = rest.split(['"', '#']).next().unwrap_or_default();
                if !address.is_empty() && !files.contains_key(address) {
                    files.insert(address.to_owned(), self.get(address).await?);
                }
            }
        }
        Ok((bytes(&page), files))
    }
}

fn bytes(answer: &Answer) -> f64 {
    f64::from(u32::try_from(answer.body.len()).unwrap_or(u32::MAX))
}

/// The sign-in page, and those of an account.
pub(crate) async fn transferred(report: &Report) -> Result<(), Failure> {
    let folder = testkit::Folder::new();
    let cost = Cost { memory_kib: 12_288, passes: 3 };
    let house = House::build(folder.path(), BASE, Plan { people: 1, cost, ..Plan::default() }).await?;
    let mut visitor = Visitor { surface: Surface::new(&house, BASE), cookies: String::new() };
    let (html, files) = visitor.load("/sign-in").await?;
    let all: f64 = html + files.values().map(bytes).sum::<f64>();
    report.judged(NAME, "sign-in, with everything it loads", all, "bytes", Target::AtMost(MOST_SIGN_IN));
    report.beside(NAME, "  the page itself (it carries a token: not compressed)", html, "bytes");
    let mut forever = 0;
    for (address, file) in &files {
        let kept = file.header("cache-control").to_owned();
        forever += u32::from(kept.contains("immutable"));
        let encoding = match file.header("content-encoding") {
            "" => "as it is",
            encoding => encoding,
        };
        report.beside(NAME, &format!("  {address}, {encoding}, {kept}"), bytes(file), "bytes");
    }
    let count = f64::from(u32::try_from(files.len()).unwrap_or(0));
    report.judged(NAME, "  of its files, kept for ever", f64::from(forever), "files", Target::AtLeast(count));
    let sheet: f64 = files.iter().filter(|(address, _)| address.contains(".css")).map(|(_, file)| bytes(file)).sum();
    report.judged(
        NAME,
        "sign-in: page and style sheet (first paint)",
        html + sheet,
        "bytes",
        Target::AtMost(MOST_SIGN_IN),
    );
    visitor.cookies = sign_in(&visitor.surface, &house.guests.people[0]).await?;
    for path in ACCOUNT {
        match visitor.load(path).await {
            Ok((html, files)) => {
                let sheet: f64 =
                    files.iter().filter(|(address, _)| address.contains(".css")).map(|(_, file)| bytes(file)).sum();
                let what = format!("{path}: page and style sheet");
                report.judged(NAME, &what, html + sheet, "bytes", Target::AtMost(MOST_ACCOUNT));
                let all: f64 = html + files.values().map(bytes).sum::<f64>();
                report.beside(NAME, "  with everything it loads", all, "bytes");
            }
            Err(error) => crate::report::complain(&error.to_string()),
        }
    }
    Ok(())
}

async fn sign_in(surface: &Surface, person: &str) -> Result<String, Failure> {
    let body = serde_json::json!({ "identifier": person, "password": PASSWORD }).to_string();
    let kind = [("content-type", "application/json")];
    let request = surface.request((Method::POST, "/api/v1/sign-in"), 2, &kind, body)?;
    let answer = surface.answer(request).await?;
    if answer.status == 200 { Ok(answer.cookies()) } else { Err(format!("sign-in: {}", answer.text()).into()) }
}
