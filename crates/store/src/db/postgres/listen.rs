//! LISTEN: a connection of its own, so that a revocation on one node is known on all without anybody having to look.

use std::sync::PoisonError;
use std::time::Duration;

use futures_util::future::poll_fn;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio_postgres::tls::TlsStream;
use tokio_postgres::{AsyncMessage, Client, Connection, NoTls, Socket};

use super::{Database, connect};
use crate::error::StoreError;

/// How long to wait before listening again.
const AGAIN: Duration = Duration::from_secs(1);

impl Database {
    /// Begins to listen when somebody first asks, and stops when nobody does any more.
    pub(crate) fn listen(&self) -> watch::Receiver<u64> {
        let mut known = self.revoked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(receiver) = known.as_ref().filter(|receiver| receiver.has_changed().is_ok()) {
            return receiver.clone();
        }
        let (sender, receiver) = watch::channel(0);
        let url = self.url.clone();
        tokio::spawn(async move {
            // The database keeps one receiver for who comes next: it alone is nobody.
            while sender.receiver_count() > 1 {
                if let Err(error) = once(&url, &sender).await {
                    tracing::warn!(%error, "revocations of other nodes are looked for instead of listened to, until the connection is back");
                }
                tokio::time::sleep(AGAIN).await;
            }
        });
        *known = Some(receiver.clone());
        receiver
    }
}

/// Listens until the connection ends or nobody wants to know any more.
async fn once(url: &str, sender: &watch::Sender<u64>) -> Result<(), StoreError> {
    let (config, tls) = connect::prepare(url)?;
    let gone = |error: tokio_postgres::Error| StoreError::Unavailable(connect::reason(&error));
    match tls {
        Some(tls) => {
            let (client, connection) = config.connect(tls).await.map_err(gone)?;
            follow(client, connection, sender).await
        }
        None => {
            let (client, connection) = config.connect(NoTls).await.map_err(gone)?;
            follow(client, connection, sender).await
        }
    }
}

async fn follow<T>(
    client: Client,
    mut connection: Connection<Socket, T>,
    sender: &watch::Sender<u64>,
) -> Result<(), StoreError>
where
    T: TlsStream + AsyncRead + AsyncWrite + Unpin,
{
    let gone = |error: tokio_postgres::Error| StoreError::Unavailable(connect::reason(&error));
    let messages = async {
        loop {
            match poll_fn(|context| connection.poll_message(context)).await {
                Some(Ok(AsyncMessage::Notification(_))) => sender.send_modify(|count| *count = count.wrapping_add(1)),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(gone(error)),
                None => return Ok(()),
            }
        }
    };
    let listen = async {
        client.batch_execute("LISTEN bailiwick_feed").await.map_err(gone)?;
        // What was told before is looked for once.
        sender.send_modify(|count| *count = count.wrapping_add(1));
        while sender.receiver_count() > 1 {
            tokio::time::sleep(AGAIN).await;
        }
        Ok(())
    };
    tokio::select! {
        ended = messages => ended,
        ended = listen => ended,
    }
}
