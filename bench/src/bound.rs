//! How long a token is still taken somewhere after its session was ended, its person disabled, or their role taken: twenty guards, two nodes, ten
//! thousand revocations.
//!
//! The guards ask one address, behind which a proxy sends each connection to the next node, as a load balancer would. A revocation counts from its
//! acknowledgement (the 204), and ends when the last guard refuses the token.
#![expect(clippy::disallowed_methods, reason = "the bench acts as the command line would")]

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use domain::allowed::{Allowed, Request};
use domain::id::UserId;
use domain::refresh::RefreshToken;
use guard::{FeedState, Guard, Settings};
use service::grant::EndGrant;
use service::session::FIRST_PARTY;
use service::user::Disable;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::Failure;
use crate::end_to_end::Home;
use crate::families::RUN;
use crate::house::{House, Plan};
use crate::http::{Server, free_port};
use crate::measure::{percentile, since, wall};
use crate::report::{Report, Target};

const NAME: &str = "bound";
const GUARDS: usize = 20;
const SIGN_OUTS: usize = 9_000;
/// People who are disabled meanwhile, and as many whose role ends, as the command line does it beside the nodes.
const OTHERS: usize = 500;
const REVOCATIONS: usize = SIGN_OUTS + 2 * OTHERS;
const AT_ONCE: usize = 8;
/// Room for every token in every guard.
const REMEMBERED: usize = 256 * 1024 * 1024;

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    SignOut,
    Disable,
    EndRole,
}

impl Deed {
    const ALL: [(Self, &str); 3] = [
        (Self::SignOut, "session ended: refused by one guard of 20"),
        (Self::Disable, "person disabled"),
        (Self::EndRole, "role ended"),
    ];
}

/// A token that is to be refused.
struct Doomed {
    deed: Deed,
    user: UserId,
    access_token: Arc<str>,
    refresh: RefreshToken,
}

/// What was acknowledged, and when.
type Ended = (Deed, Arc<str>, Instant);

/// Measures it.
pub(crate) async fn revocations(report: &Report) -> Result<(), Failure> {
    let home = Home::postgres().await?;
    let named = TcpListener::bind("127.0.0.1:0").await?;
    let issuer = format!("http://localhost:{}", named.local_addr()?.port());
    let people = SIGN_OUTS / RUN + 2 * OTHERS;
    let plan = Plan { people, sessions: people * RUN, ..Plan::default() };
    let house = House::build_on(home.location(), &issuer, plan).await?;
    let operator = Allowed::cli("bench", house.realm.key);
    let secret = service::api::new_secret_as_operator(&house.app, operator, "clinic".to_owned()).await?.secret.expose();
    let doomed = Arc::new(tokens(&house).await?);
    let (first, second) = (free_port()?, free_port()?);
    let port = named.local_addr()?.port();
    let nodes = [Server::start_on(&home.text(), port, first)?, Server::start_on(&home.text(), port, second)?];
    for node in &nodes {
        node.first_response()?;
    }
    let proxy = tokio::spawn(share_out(named, [first, second]));
    let guards = guards(&issuer, &secret).await?;
    seen_before(&guards, &doomed).await?;
    let (ended, endings) = mpsc::unbounded_channel();
    let start = wall();
    let others = tokio::spawn(end_others(house, doomed.clone(), ended.clone()));
    let ending = tokio::spawn(end_all(doomed, (port, [first, second]), ended));
    let times = watch(&guards, endings).await?;
    ending.await??;
    others.await??;
    proxy.abort();
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    report.beside(NAME, "revocations", REVOCATIONS as f64 / since(start), "a second");
    for (deed, what) in Deed::ALL {
        let mut times: Vec<f64> = times.iter().filter(|(of, _)| *of == deed).map(|(_, time)| *time).collect();
        report.beside(NAME, &format!("{what}, p50"), percentile(&mut times, 0.5), "ms");
        report.beside(NAME, "  p99", percentile(&mut times, 0.99), "ms");
        report.judged(NAME, "  p99.9", percentile(&mut times, 0.999), "ms", Target::AtMost(1000.0));
        report.beside(NAME, "  the slowest", percentile(&mut times, 1.0), "ms");
    }
    let asked: u64 = guards
        .iter()
        .map(Guard::metrics)
        .map(|metrics| metrics.introspections_active + metrics.introspections_inactive + metrics.introspections_failed)
        .sum();
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    report.beside(NAME, "  introspections by guards that were not sure", asked as f64, "in all");
    Ok(())
}

/// An access token for the clinic of each session that is signed out of, and one of each other person.
async fn tokens(house: &House) -> Result<Vec<Doomed>, Failure> {
    let mut doomed = Vec::with_capacity(REVOCATIONS);
    for number in 0..REVOCATIONS {
        let (deed, at) = match number.checked_sub(SIGN_OUTS) {
            None => (Deed::SignOut, number),
            Some(other) => (if other < OTHERS { Deed::Disable } else { Deed::EndRole }, SIGN_OUTS + other * RUN),
        };
        let token = house.guests.token(at).ok_or("too few sessions")?;
        let (client_id, audience) = (FIRST_PARTY.to_owned(), Some("clinic".to_owned()));
        let asked = service::refresh::Refresh { token, client_id, active: true, audience };
        let got = service::refresh::exchange(&house.app, &house.realm, asked, Request::default()).await?;
        let user = house.owner(at).ok_or("nobody's session")?;
        doomed.push(Doomed { deed, user, access_token: got.access_token.into(), refresh: got.refresh });
    }
    Ok(doomed)
}

/// Each connection to the next node.
async fn share_out(listener: TcpListener, nodes: [u16; 2]) {
    let turn = AtomicUsize::new(0);
    while let Ok((mut from, _)) = listener.accept().await {
        let node = nodes[turn.fetch_add(1, Ordering::Relaxed) % nodes.len()];
        tokio::spawn(async move {
            if let Ok(mut to) = TcpStream::connect(("127.0.0.1", node)).await {
                let _ = tokio::io::copy_bidirectional(&mut from, &mut to).await;
            }
        });
    }
}

/// Guards that follow the feed and know that they miss nothing.
async fn guards(issuer: &str, secret: &str) -> Result<Vec<Guard>, Failure> {
    let mut guards = Vec::with_capacity(GUARDS);
    for _ in 0..GUARDS {
        let guard =
            Guard::connect(Settings::new(issuer, "clinic").credentials("clinic", secret).cache_bytes(REMEMBERED))?;
        guard.refresh().await?;
        guards.push(guard);
    }
    let start = wall();
    while guards.iter().any(|guard| guard.metrics().state != FeedState::Current) {
        if since(start) > 20.0 {
            return Err("a guard does not follow the feed".into());
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    Ok(guards)
}

/// Every guard has seen every token: what is measured is how the news travels, and not 200,000 signatures on the two cores that all of them share.
async fn seen_before(guards: &[Guard], doomed: &[Doomed]) -> Result<(), Failure> {
    for one in doomed {
        for guard in guards {
            guard.verify(&one.access_token).await?;
        }
    }
    Ok(())
}

/// Signs all of them out, half at each node; tells each as soon as it was acknowledged.
async fn end_all(
    doomed: Arc<Vec<Doomed>>,
    (named, nodes): (u16, [u16; 2]),
    ended: mpsc::UnboundedSender<Ended>,
) -> Result<(), Failure> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let tasks: Vec<_> = (0..AT_ONCE)
        .map(|worker| {
            let (doomed, client, ended) = (doomed.clone(), client.clone(), ended.clone());
            let url = format!("http://127.0.0.1:{}/api/v1/sign-out", nodes[worker % nodes.len()]);
            tokio::spawn(async move {
                for one in doomed[..SIGN_OUTS].iter().skip(worker).step_by(AT_ONCE) {
                    let cookie = format!("__Host-bailiwick-refresh={}", one.refresh.expose());
                    let request = client.post(&url).header("host", format!("localhost:{named}"));
                    let status = request.header("cookie", cookie).send().await?.status();
                    if status != 204 {
                        return Err(Failure::from(format!("sign-out: {status}")));
                    }
                    let _ = ended.send((one.deed, one.access_token.clone(), wall()));
                }
                Ok(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok(())
}

/// Disables people and ends roles, one after the other, in this process beside the nodes.
async fn end_others(
    house: House,
    doomed: Arc<Vec<Doomed>>,
    ended: mpsc::UnboundedSender<Ended>,
) -> Result<(), Failure> {
    let (app, operator) = (&house.app, || Allowed::cli("bench", house.realm.key));
    let (disabled, demoted) = doomed[SIGN_OUTS..].split_at(OTHERS);
    for one in disabled.iter().zip(demoted).flat_map(|(disabled, demoted)| [disabled, demoted]) {
        let (user, reason) = (one.user, "bench".to_owned());
        if one.deed == Deed::Disable {
            service::user::disable_as_operator(app, operator(), Disable { user, reason }).await?;
        } else {
            let held = service::grant::list_as_operator(app, operator(), user, None, 1).await?;
            let grant = held.first().ok_or("no grant")?.id;
            service::grant::end_as_operator(app, operator(), EndGrant { user, grant, reason }).await?;
        }
        let _ = ended.send((one.deed, one.access_token.clone(), wall()));
    }
    Ok(())
}

/// Asks every guard about every token that was acknowledged as ended, until it is refused; milliseconds that each took.
async fn watch(guards: &[Guard], mut endings: mpsc::UnboundedReceiver<Ended>) -> Result<Vec<(Deed, f64)>, Failure> {
    let mut times = Vec::with_capacity(REVOCATIONS * GUARDS);
    let mut open: VecDeque<(Ended, usize)> = VecDeque::new();
    let mut over = false;
    while !over || !open.is_empty() {
        loop {
            match endings.try_recv() {
                Ok(ended) => open.extend((0..guards.len()).map(|guard| (ended.clone(), guard))),
                Err(mpsc::error::TryRecvError::Empty) => break,
                Err(mpsc::error::TryRecvError::Disconnected) => {
                    over = true;
                    break;
                }
            }
        }
        for _ in 0..open.len() {
            let Some(((deed, token, at), guard)) = open.pop_front() else { break };
            if guards[guard].verify(&token).await.is_err() {
                times.push((deed, since(at) * 1e3));
            } else if since(at) > 30.0 {
                return Err("a guard takes a token half a minute after its session ended".into());
            } else {
                open.push_back(((deed, token, at), guard));
            }
        }
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    if times.len() == REVOCATIONS * GUARDS { Ok(times) } else { Err("not every revocation was seen".into()) }
}
