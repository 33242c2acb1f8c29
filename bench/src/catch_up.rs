//! A guard that starts beside a server with a hundred thousand revocations: from nothing until it misses none, over HTTP, on both databases.
#![expect(clippy::disallowed_methods, reason = "the bench seeds revocations as the command line would")]

use std::time::Duration;

use domain::allowed::Allowed;
use domain::id::SessionId;
use domain::revocation::Fact;
use guard::{FeedState, Guard, Settings};
use service::entropy::SystemEntropy;
use store::{Outcome, StoreError, Upkeep};

use crate::Failure;
use crate::end_to_end::Home;
use crate::house::{House, Plan};
use crate::http::{Server, free_port};
use crate::measure::{since, wall};
use crate::report::{Report, Target};

const LOADED: usize = 100_000;
const CHUNK: usize = 1_000;

/// Measures it.
pub(crate) async fn from_nothing(report: &Report) -> Result<(), Failure> {
    for home in [Home::sqlite(), Home::postgres().await?] {
        let port = free_port()?;
        let issuer = format!("http://localhost:{port}");
        let house = House::build_on(home.location(), &issuer, Plan::default()).await?;
        let operator = Allowed::cli("bench", house.realm.key);
        let secret = service::api::new_secret_as_operator(&house.app, operator, "clinic".to_owned()).await?;
        seed(&house).await?;
        drop(house);
        let server = Server::start_on(&home.text(), port, port)?;
        server.first_response()?;
        let start = wall();
        let guard = Guard::connect(Settings::new(&issuer, "clinic").credentials("clinic", secret.secret.expose()))?;
        while guard.metrics().state != FeedState::Current {
            if since(start) > 60.0 {
                return Err("the guard does not catch up".into());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let took = since(start);
        let total = guard.metrics().entries.total();
        if total < LOADED {
            return Err(format!("current with {total} of {LOADED}").into());
        }
        let what = format!("a guard that starts: current, with 100,000 revocations, {}", home.name());
        report.judged("catch-up", &what, took, "s", Target::AtMost(1.0));
    }
    Ok(())
}

async fn seed(house: &House) -> Result<(), Failure> {
    let allowed = Allowed::cli("bench", house.realm.key);
    for _ in 0..LOADED / CHUNK {
        let (now, operator) = (house.app.now(), allowed.allowed().clone());
        let facts: Vec<Fact> = (0..CHUNK).map(|_| Fact::ended(SessionId::new(&SystemEntropy, now))).collect();
        house
            .app
            .store
            .write(operator, now, facts, |tx, facts| {
                Box::pin(async move {
                    store::revocation::announce(tx, facts).await?;
                    Ok::<_, StoreError>(Outcome::upkeep((), Upkeep::SessionRenewal))
                })
            })
            .await?;
    }
    Ok(())
}
