//! A database for one test, with two realms.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use domain::allowed::{Allowed, Job};
use domain::entropy::Entropy;
use domain::realm::RealmKey;
use domain::time::Timestamp;
use store::db::{BoxFuture, FromValue, Sql};
use store::{Location, Options, Outcome, Read, ReadTx, Store, StoreError, Upkeep, Value, WriteTx};

use crate::clock::{FixedClock, START};
use crate::entropy::{SeededEntropy, SystemEntropy};
use crate::folder::Folder;
use crate::postgres::{self, Cluster};
use crate::twin::TWIN;

/// Rows by table.
pub type Dump = BTreeMap<String, Vec<String>>;

/// A database for one test: migrated, with the realms `main` and `twin`. Clones share it.
#[derive(Clone)]
pub struct Db {
    /// The open database.
    pub store: Store,
    /// Realm `main`, in which the test acts.
    pub realm: RealmKey,
    /// The realm that must stay as it is.
    pub twin: RealmKey,
    /// The test's time.
    pub clock: Arc<FixedClock>,
    /// The test's randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Where it lies, for opening it once more.
    pub location: Location,
    shared: Arc<Shared>,
}

struct Shared {
    _home: Home,
    twin_changes: AtomicBool,
    /// The twin's rows when they were looked at last.
    twin: Mutex<Dump>,
}

/// What is taken away at the end.
enum Home {
    Folder { _folder: Folder },
    Database { _database: postgres::Database },
    Elsewhere,
}

impl Db {
    /// A new embedded database in a temporary folder.
    pub async fn sqlite() -> Self {
        let db = Self::sqlite_unmigrated().await;
        db.store.migrate(START).await.expect("migrations");
        seed(&db).await;
        db
    }

    /// A folder with a database that nobody has open.
    pub async fn sqlite_closed() -> Folder {
        let folder = Folder::new();
        let db = Self::open(Location::Folder(folder.path().to_owned()), Home::Elsewhere, true).await;
        db.store.migrate(START).await.expect("migrations");
        seed(&db).await;
        drop(db);
        folder
    }

    /// The database of a folder that stays.
    pub async fn of_folder(folder: &Path) -> Self {
        Self::open(Location::Folder(folder.to_owned()), Home::Elsewhere, false).await
    }

    /// The database of a PostgreSQL URL, which stays.
    pub async fn of_url(url: &str) -> Self {
        Self::open(Location::Postgres(url.to_owned()), Home::Elsewhere, false).await
    }

    /// An embedded database without any table.
    pub async fn sqlite_unmigrated() -> Self {
        let folder = Folder::new();
        let location = Location::Folder(folder.path().to_owned());
        Self::open(location, Home::Folder { _folder: folder }, true).await
    }

    /// A new database on the run's PostgreSQL server.
    pub async fn postgres() -> Self {
        Self::of_database(postgres::Database::create(postgres::server()).await).await
    }

    /// A database without any table on the run's PostgreSQL server.
    pub async fn postgres_unmigrated() -> Self {
        Self::of_database(postgres::Database::create_empty(postgres::server()).await).await
    }

    /// A new database on a cluster of the test's own.
    pub async fn on_cluster(cluster: &Cluster) -> Self {
        Self::of_database(postgres::Database::create(&cluster.admin_url()).await).await
    }

    async fn of_database(database: postgres::Database) -> Self {
        let location = Location::Postgres(database.url().to_owned());
        Self::open(location, Home::Database { _database: database }, false).await
    }

    /// A folder with a database that was seeded elsewhere: new ids are random, because it holds old ones already.
    pub(crate) async fn of_seeded_folder(folder: Folder) -> Self {
        let location = Location::Folder(folder.path().to_owned());
        Self::open_with(location, Home::Folder { _folder: folder }, true, Arc::new(SystemEntropy), 4).await
    }

    /// The same on PostgreSQL.
    pub(crate) async fn of_seeded_database(database: postgres::Database) -> Self {
        let location = Location::Postgres(database.url().to_owned());
        Self::open_with(location, Home::Database { _database: database }, false, Arc::new(SystemEntropy), 50).await
    }

    /// A database that stays, for seeding it.
    pub(crate) async fn of_location(location: Location) -> Self {
        Self::open_with(location, Home::Elsewhere, false, Arc::new(SystemEntropy), 4).await
    }

    async fn open(location: Location, home: Home, serving: bool) -> Self {
        // What is opened again must not draw the same ids again.
        let entropy: Arc<dyn Entropy> = match home {
            Home::Elsewhere => Arc::new(SystemEntropy),
            _ => Arc::new(SeededEntropy::new(1)),
        };
        Self::open_with(location, home, serving, entropy, 20).await
    }

    async fn open_with(
        location: Location,
        home: Home,
        serving: bool,
        entropy: Arc<dyn Entropy>,
        connections: usize,
    ) -> Self {
        let options = Options { connections, serving, ..Options::new(location.clone()) };
        let store = Store::open(&options, entropy.clone()).await.expect("a database");
        Self {
            store,
            realm: RealmKey::MAIN,
            twin: TWIN,
            clock: Arc::new(FixedClock::default()),
            entropy,
            location,
            shared: Arc::new(Shared { _home: home, twin_changes: AtomicBool::new(false), twin: Mutex::default() }),
        }
    }

    /// The test's instant.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Permission for anything in the realm: a job's.
    #[must_use]
    pub fn allowed(&self) -> Allowed {
        job(self.realm)
    }

    /// The same database, seen from the twin realm.
    #[must_use]
    pub fn as_twin(&self) -> Self {
        Self { realm: self.twin, twin: self.realm, ..self.clone() }
    }

    /// Opens the same database once more: another process, as far as the database can tell. It does not serve.
    pub async fn reopened(&self) -> Self {
        self.reopened_with(|_| ()).await.expect("the same database")
    }

    /// Opens the same database once more, with other options.
    ///
    /// # Errors
    /// [`StoreError`]: it is refused.
    pub async fn reopened_with(&self, change: impl FnOnce(&mut Options)) -> Result<Self, StoreError> {
        let mut options = Options::new(self.location.clone());
        change(&mut options);
        let store = Store::open(&options, self.entropy.clone()).await?;
        Ok(Self { store, ..self.clone() })
    }

    /// The test works in the twin realm too: it is not compared afterwards.
    pub fn twin_may_change(&self) {
        self.shared.twin_changes.store(true, Ordering::SeqCst);
    }

    pub(crate) async fn remember_twin(&self) {
        let dump = self.dump(self.twin).await;
        *self.shared.twin.lock().expect("the twin's rows") = dump;
    }

    pub(crate) fn remembered_twin(&self) -> Dump {
        self.shared.twin.lock().expect("the twin's rows").clone()
    }

    pub(crate) fn twin_changes(&self) -> bool {
        self.shared.twin_changes.load(Ordering::SeqCst)
    }

    /// The folder of an embedded database.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        match &self.location {
            Location::Folder(folder) => Some(folder),
            Location::Postgres(_) => None,
        }
    }

    /// A connection of its own to the PostgreSQL database, for what product code never does.
    pub async fn raw(&self) -> tokio_postgres::Client {
        match &self.location {
            Location::Postgres(url) => postgres::connect(url).await,
            Location::Folder(_) => panic!("an embedded database has no other connections"),
        }
    }

    /// Reads in the realm at the test's instant.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn read<T: Send + 'static>(
        &self,
        run: impl for<'t> FnOnce(&'t mut ReadTx<'_>) -> BoxFuture<'t, Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.store.read(&self.allowed(), self.now(), run).await
    }

    /// Writes in the realm at the test's instant.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn write<I: Send + Sync + 'static, T: Send + 'static>(
        &self,
        input: I,
        run: impl for<'t> Fn(&'t mut WriteTx<'_>, &'t I) -> BoxFuture<'t, Result<Outcome<T>, StoreError>>
        + Send
        + Sync
        + 'static,
    ) -> Result<T, StoreError> {
        self.store.write(self.allowed(), self.now(), input, run).await
    }

    /// Runs one changing statement in the realm, as upkeep; returns how many rows it changed.
    pub async fn execute(&self, text: impl Into<String>, params: Vec<Value>) -> u64 {
        let done = self.write((sql(text), params), |tx, (sql, params)| {
            Box::pin(async move {
                let rows = tx.execute(sql.clone(), params.clone()).await?;
                Ok(Outcome::upkeep(rows, Upkeep::Counter))
            })
        });
        done.await.expect("a statement")
    }

    /// All rows that a statement finds.
    pub async fn rows(&self, text: impl Into<String>, params: Vec<Value>) -> Vec<Vec<Value>> {
        let sql = sql(text);
        let rows = self.read(|tx| Box::pin(async move { tx.query(sql, params).await })).await.expect("rows");
        rows.iter().map(values).collect()
    }

    /// The one number that a statement finds.
    pub async fn number(&self, text: impl Into<String>, params: Vec<Value>) -> i64 {
        match self.rows(text, params).await.first().and_then(|row| row.first()) {
            Some(Value::Int(number)) => *number,
            other => panic!("not a number: {other:?}"),
        }
    }

    /// All rows of a realm, by table, in an order of their own: for comparing before and after.
    pub async fn dump(&self, realm: RealmKey) -> Dump {
        let mut dumped = BTreeMap::new();
        for (table, columns) in self.tables().await {
            let key = if columns.iter().any(|c| c == "realm_id") { "realm_id" } else { "id" };
            if table == "schema_migration" {
                continue;
            }
            let found = self.rows(format!("SELECT * FROM \"{table}\" WHERE {key} = $1"), vec![realm.into()]).await;
            let mut rows: Vec<String> = found.iter().map(|row| format!("{row:?}")).collect();
            rows.sort();
            dumped.insert(table, rows);
        }
        dumped
    }

    /// Tables with their columns.
    pub async fn tables(&self) -> BTreeMap<String, Vec<String>> {
        let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in self.store.schema().await.expect("a schema") {
            let Some((table, column)) = line.split(' ').next().and_then(|name| name.split_once('.')) else { continue };
            tables.entry(table.to_owned()).or_default().push(column.to_owned());
        }
        tables
    }
}

/// A statement made by a test.
#[must_use]
pub fn sql(text: impl Into<String>) -> Sql {
    Sql::literal(Box::leak(text.into().into_boxed_str()))
}

/// A job's permission in a realm.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "a test may do what the server does by itself")]
pub fn job(realm: RealmKey) -> Allowed {
    Allowed::job(Job::Start, realm)
}

/// A value of any kind.
struct Any(Value);

impl FromValue for Any {
    fn from_value(value: &Value) -> Option<Self> {
        Some(Self(value.clone()))
    }
}

fn values(row: &store::db::Row) -> Vec<Value> {
    (0..).map_while(|column| row.get::<Any>(column).ok()).map(|any| any.0).collect()
}

/// The two realms.
pub(crate) async fn seed(db: &Db) {
    let text = "INSERT INTO realm (id, slug, name, issuer, rp_id, attribute_schema, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    for (realm, slug) in [(db.realm, "main"), (db.twin, "twin")] {
        let issuer = format!("https://{slug}.example.org");
        let row = vec![
            realm.into(),
            slug.into(),
            slug.into(),
            issuer.into(),
            "example.org".into(),
            "{}".into(),
            START.into(),
        ];
        assert_eq!(db.execute(text, row).await, 1);
    }
}

/// Migrates and seeds a database that others are copied from.
pub(crate) async fn make_template(url: &str) {
    let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(1));
    let options = Options { connections: 2, ..Options::new(Location::Postgres(url.to_owned())) };
    let store = Store::open(&options, entropy.clone()).await.expect("the template");
    store.migrate(START).await.expect("migrations");
    let location = options.location;
    let shared =
        Arc::new(Shared { _home: Home::Elsewhere, twin_changes: AtomicBool::new(true), twin: Mutex::default() });
    let clock = Arc::new(FixedClock::default());
    seed(&Db { store, realm: RealmKey::MAIN, twin: TWIN, clock, entropy, location, shared }).await;
}
