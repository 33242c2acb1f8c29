//! Listeners, jobs, shutdown.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener};
use std::time::Duration;

use axum_server::Handle;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use domain::event::EventType;
use domain::realm::RealmKey;
use service::App;
use service::mail::Smtp;
use tokio::sync::watch;
use web::Config as WebConfig;

use crate::config::Config;
use crate::connections::Connections;
use crate::output::Failure;

/// How long requests in progress may take after a stop was asked for.
const GRACE: Duration = Duration::from_secs(10);
/// How long a client may take for a request's headers.
const HEADERS: Duration = Duration::from_secs(10);

/// Sockets that are bound but do not accept yet.
#[derive(Debug)]
pub(crate) struct Listeners {
    pub(crate) public: Vec<TcpListener>,
    pub(crate) operations: TcpListener,
}

/// Binds an address; on loopback also its IPv6 twin where there is one.
pub(crate) fn bind(listen: &str, operations: &str) -> Result<Listeners, Failure> {
    let first = bind_one(listen)?;
    let port = first.local_addr()?.port();
    let mut public = vec![first];
    if listen.starts_with("127.0.0.1:") || listen.starts_with("localhost:") {
        // Without IPv6 the name alone is served.
        if let Ok(twin) = TcpListener::bind(SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), port)) {
            public.push(twin);
        }
    }
    Ok(Listeners { public, operations: bind_one(operations)? })
}

fn bind_one(listen: &str) -> Result<TcpListener, Failure> {
    let listen = listen.replace("localhost:", "127.0.0.1:");
    TcpListener::bind(&listen).map_err(|error| {
        Failure(match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                format!("{listen} is in use by another program. Stop it, or choose another port (demo: --listen 127.0.0.1:0; serve: server.listen)")
            }
            std::io::ErrorKind::PermissionDenied => format!("{listen} may not be used: ports below 1024 need the right to bind them"),
            std::io::ErrorKind::AddrNotAvailable => format!("{listen} is not an address of this machine"),
            _ => format!("{listen} cannot be used: {error}"),
        })
    })
}

/// Serves until a signal; `started` is called once connections are accepted.
pub(crate) async fn run(
    app: App,
    config: &Config,
    surface: WebConfig,
    listeners: Listeners,
    started: impl FnOnce(),
) -> Result<(), Failure> {
    let tls = tls(config).await?;
    let smtp = match (&config.smtp_url, &config.smtp_from) {
        (Some(url), Some(from)) => {
            Some(Smtp::new(url, from).map_err(|e| Failure(format!("mail.smtp_url or mail.from is {e}")))?)
        }
        _ => None,
    };
    let service = web::service(app.clone(), surface);
    let operations = web::operations::router(service.web().clone());
    let (stop, stopped) = watch::channel(false);
    let mut tasks = tokio::task::JoinSet::new();
    let handle = Handle::new();
    let connections = Connections::new(config.max_connections_per_address, config.trusted_proxies.clone());
    for socket in listeners.public {
        socket.set_nonblocking(true)?;
        let make =
            axum::Router::new().fallback_service(service.clone()).into_make_service_with_connect_info::<SocketAddr>();
        let server = axum_server::from_tcp(socket)?.handle(handle.clone());
        match tls.clone() {
            Some(tls) => {
                let mut server = server.acceptor(RustlsAcceptor::new(tls).acceptor(connections.clone()));
                patient(server.http_builder());
                tasks.spawn(async move { server.serve(make).await });
            }
            None => {
                let mut server = server.acceptor(connections.clone());
                patient(server.http_builder());
                tasks.spawn(async move { server.serve(make).await });
            }
        }
    }
    listeners.operations.set_nonblocking(true)?;
    let server = axum_server::from_tcp(listeners.operations)?.handle(handle.clone());
    tasks.spawn(async move { server.serve(operations.into_make_service()).await });
    let jobs = jobs(&app, smtp, &stopped);
    service::upkeep::server(&app, EventType::ServerStarted).await?;
    started();
    signal().await;
    handle.graceful_shutdown(Some(GRACE));
    while tasks.join_next().await.is_some() {}
    let _ = stop.send(true);
    for job in jobs {
        let _ = job.await;
    }
    service::upkeep::server(&app, EventType::ServerStopped).await?;
    Ok(())
}

/// Whoever sends a header byte by byte is not waited for (WEB-24).
fn patient(builder: &mut hyper_util::server::conn::auto::Builder<hyper_util::rt::TokioExecutor>) {
    builder.http1().timer(hyper_util::rt::TokioTimer::new()).header_read_timeout(HEADERS).max_headers(64);
    builder.http2().timer(hyper_util::rt::TokioTimer::new()).max_concurrent_streams(64).max_header_list_size(32 * 1024);
}

async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

async fn tls(config: &Config) -> Result<Option<RustlsConfig>, Failure> {
    let (Some(certificate), Some(key)) = (&config.tls_certificate, &config.tls_key) else { return Ok(None) };
    let loaded = RustlsConfig::from_pem_file(certificate, key).await;
    loaded
        .map(Some)
        .map_err(|error| Failure(format!("server.tls_certificate or server.tls_key cannot be used: {error}")))
}

/// What goes on beside requests: the sequencer (PostgreSQL), expiry, mail.
fn jobs(app: &App, smtp: Option<Smtp>, stopped: &watch::Receiver<bool>) -> Vec<tokio::task::JoinHandle<()>> {
    let mut jobs = Vec::new();
    if let Some(mut sequencer) = app.store.sequencer() {
        let mut stopped = stopped.clone();
        jobs.push(tokio::spawn(async move {
            loop {
                let pause = match sequencer.turn().await {
                    Ok(store::db::Turn::Leads(_)) => store::db::TICK,
                    Ok(store::db::Turn::Follows) => Duration::from_millis(500),
                    Err(error) => {
                        tracing::warn!(%error, "the sequencer tries again");
                        Duration::from_millis(500)
                    }
                };
                if pause_or_stop(pause, &mut stopped).await {
                    // What was acknowledged until now gets its index before the lock is given back.
                    let _ = sequencer.turn().await;
                    return sequencer.resign();
                }
            }
        }));
    }
    let (parts, mut stop) = (app.clone(), stopped.clone());
    jobs.push(tokio::spawn(async move {
        while !pause_or_stop(Duration::from_secs(10), &mut stop).await {
            for realm in realms(&parts).await {
                retried(realm, expire(&parts, realm).await);
            }
        }
    }));
    if let Some(smtp) = smtp {
        let (parts, mut stop) = (app.clone(), stopped.clone());
        jobs.push(tokio::spawn(async move {
            while !pause_or_stop(Duration::from_secs(2), &mut stop).await {
                for realm in realms(&parts).await {
                    retried(realm, service::mail::send_due(&parts, realm, &smtp).await.map(|_| ()));
                }
            }
        }));
    }
    jobs
}

async fn realms(app: &App) -> Vec<RealmKey> {
    service::realm::all(app).await.unwrap_or_default().into_iter().map(|realm| realm.key).collect()
}

async fn expire(app: &App, realm: RealmKey) -> Result<(), service::StoreError> {
    while service::upkeep::expire(app, realm).await? {}
    Ok(())
}

fn retried(realm: RealmKey, done: Result<(), service::StoreError>) {
    if let Err(error) = done {
        tracing::warn!(%error, realm = realm.get(), "a job tries again");
    }
}

/// Waits; `true`: it is time to stop.
async fn pause_or_stop(pause: Duration, stopped: &mut watch::Receiver<bool>) -> bool {
    tokio::select! {
        () = tokio::time::sleep(pause) => false,
        _ = stopped.changed() => true,
    }
}
