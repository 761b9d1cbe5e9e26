//! The engines: DynamoDB on SQLite, Secrets Manager in memory with a snapshot on disk, SQS in memory: a job that a restart
//! loses is found again by the tick. And an event bus that remembers what was put on it.

use crate::event_bus::EventBus;
use crate::stream::Stream;
use dynoxide::{Database, DynoxideError};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::Mutex;
use winterbaume_core::{MockRequest, MockService, StatefulService};
use winterbaume_secretsmanager::SecretsManagerService;
use winterbaume_sqs::SqsService;

/// The account and region that the engines pretend to be in.
const ACCOUNT: &str = "123456789012";
/// The region that local clients name.
pub const REGION: &str = "us-east-1";
const SECRETS_URI: &str = "https://secretsmanager.us-east-1.amazonaws.com/";
const QUEUES_URI: &str = "https://sqs.us-east-1.amazonaws.com/";
const TABLES_FILE: &str = "tables.db";
const SECRETS_FILE: &str = "secrets.json";
const LOCK_FILE: &str = "lock";

/// The engines cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The database file cannot be opened: another server may be using it.
    #[error("cannot open the database (is another server using it?)")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The secrets are kept in memory: a second server would save over what the first one saved.
    #[error("another server uses {0}: stop it, or choose another directory with --data-dir")]
    InUse(PathBuf),
    /// A file of the data directory cannot be read or written.
    #[error("cannot use {path}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The snapshot of the secrets is not one.
    #[error("{0} is not a snapshot of secrets")]
    Snapshot(PathBuf),
}

/// One answer of an engine: status and JSON body.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// JSON body.
    pub body: Vec<u8>,
}

/// All engines. Clones share their data.
#[derive(Clone)]
pub struct Engines {
    database: Database,
    secrets: Arc<SecretsManagerService>,
    queues: Arc<SqsService>,
    events: EventBus,
    stream: Stream,
    /// Held while a change of the secrets is made and saved, so that snapshots are written in order.
    saving: Arc<Mutex<()>>,
    directory: Option<Arc<PathBuf>>,
    /// Held as long as the engines are; the operating system frees it when a process is killed.
    lock: Option<Arc<File>>,
}

impl std::fmt::Debug for Engines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engines").field("directory", &self.directory).finish_non_exhaustive()
    }
}

impl Engines {
    /// Engines whose data ends with them.
    ///
    /// # Errors
    /// [`EngineError::Database`].
    pub fn memory() -> Result<Self, EngineError> {
        let database = Database::memory().map_err(|error| EngineError::Database(Box::new(error)))?;
        Ok(Self::on(database, None))
    }

    /// Engines whose data lies in a directory and survives restarts and kills.
    ///
    /// # Errors
    /// [`EngineError`] when a file cannot be used.
    pub async fn open(directory: &Path) -> Result<Self, EngineError> {
        std::fs::create_dir_all(directory)
            .map_err(|source| EngineError::File { path: directory.to_owned(), source })?;
        let lock = lock(directory)?;
        let file = directory.join(TABLES_FILE);
        let database =
            Database::new(&file.to_string_lossy()).map_err(|error| EngineError::Database(Box::new(error)))?;
        let mut engines = Self::on(database, Some(Arc::new(directory.to_owned())));
        engines.lock = Some(Arc::new(lock));
        let path = directory.join(SECRETS_FILE);
        match std::fs::read(&path) {
            Ok(bytes) => {
                let snapshot = serde_json::from_slice(&bytes).map_err(|_| EngineError::Snapshot(path.clone()))?;
                let restored = engines.secrets.restore(ACCOUNT, REGION, snapshot).await;
                restored.map_err(|_| EngineError::Snapshot(path))?;
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => return Err(EngineError::File { path, source }),
        }
        Ok(engines)
    }

    fn on(database: Database, directory: Option<Arc<PathBuf>>) -> Self {
        Self {
            database,
            secrets: Arc::new(SecretsManagerService::new()),
            queues: Arc::new(SqsService::new()),
            events: EventBus::default(),
            stream: Stream::default(),
            saving: Arc::default(),
            directory,
            lock: None,
        }
    }

    /// The event bus.
    pub fn event_bus(&self) -> &EventBus {
        &self.events
    }

    /// The table's stream.
    pub fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Answers one call, named as in the `x-amz-target` header.
    pub async fn call(&self, target: &str, body: Vec<u8>) -> Answer {
        match target.split_once('.') {
            Some(("secretsmanager", operation)) => self.secrets_call(target, operation, body).await,
            Some(("AWSEvents", "PutEvents")) => self.events.put_events(&body),
            Some(("AmazonSQS", _)) => pretended(&*self.queues, QUEUES_URI, target, body).await,
            Some((_, operation)) => {
                let call = || tables_call(&self.database, operation, &body);
                self.stream.watch(&self.database, operation, &body, call)
            }
            None => unknown(),
        }
    }

    async fn secrets_call(&self, target: &str, operation: &str, body: Vec<u8>) -> Answer {
        let writes =
            !operation.starts_with("Get") && !operation.starts_with("List") && !operation.starts_with("Describe");
        let _order = if writes { Some(self.saving.lock().await) } else { None };
        let answer = pretended(&*self.secrets, SECRETS_URI, target, body).await;
        if writes && answer.status < 300 && self.save().await.is_err() {
            // Not durable, so not done.
            return Answer {
                status: 500,
                body: br#"{"__type":"InternalServiceError","Message":"cannot save"}"#.to_vec(),
            };
        }
        answer
    }

    /// Writes the snapshot atomically: a kill leaves the old one or the new one.
    async fn save(&self) -> std::io::Result<()> {
        let Some(directory) = &self.directory else { return Ok(()) };
        let snapshot = self.secrets.snapshot(ACCOUNT, REGION).await;
        let bytes = serde_json::to_vec(&snapshot)?;
        let (path, fresh) = (directory.join(SECRETS_FILE), directory.join(format!("{SECRETS_FILE}.new")));
        write_private(&fresh, &bytes)?;
        std::fs::rename(fresh, path)
    }
}

/// One call to a service in memory, which goes by the address and the target.
async fn pretended(service: &impl MockService, uri: &str, target: &str, body: Vec<u8>) -> Answer {
    let mut headers = http::HeaderMap::new();
    let Ok(value) = target.parse() else { return unknown() };
    headers.insert("x-amz-target", value);
    let request = MockRequest { method: "POST".into(), uri: uri.into(), headers, body: body.into() };
    let answer = service.handle(request).await;
    Answer { status: answer.status, body: answer.body.to_vec() }
}

/// Takes a directory for this process alone.
fn lock(directory: &Path) -> Result<File, EngineError> {
    let path = directory.join(LOCK_FILE);
    let failed = |source| EngineError::File { path: path.clone(), source };
    let file = File::create(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(EngineError::InUse(directory.to_owned())),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// Writes a file that only its owner may read.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn tables_call(database: &Database, operation: &str, body: &[u8]) -> Answer {
    macro_rules! operations {
        ($($name:literal => $method:ident),* $(,)?) => {
            match operation {
                $($name => run(body, |request| database.$method(request)),)*
                _ => unknown(),
            }
        };
    }
    operations! {
        "CreateTable" => create_table, "DescribeTable" => describe_table, "UpdateTable" => update_table,
        "DeleteTable" => delete_table, "ListTables" => list_tables,
        "PutItem" => put_item, "GetItem" => get_item, "DeleteItem" => delete_item, "UpdateItem" => update_item,
        "BatchGetItem" => batch_get_item, "BatchWriteItem" => batch_write_item, "Query" => query, "Scan" => scan,
        "TransactWriteItems" => transact_write_items, "TransactGetItems" => transact_get_items,
        "UpdateTimeToLive" => update_time_to_live, "DescribeTimeToLive" => describe_time_to_live,
        "ListStreams" => list_streams, "DescribeStream" => describe_stream,
        "GetShardIterator" => get_shard_iterator, "GetRecords" => get_records,
    }
}

fn run<Q: serde::de::DeserializeOwned, R: serde::Serialize>(
    body: &[u8],
    operation: impl FnOnce(Q) -> Result<R, DynoxideError>,
) -> Answer {
    let request =
        serde_json::from_slice(body).map_err(|error| DynoxideError::SerializationException(error.to_string()));
    match request.and_then(operation) {
        Ok(answer) => match serde_json::to_vec(&answer) {
            Ok(body) => Answer { status: 200, body },
            Err(_) => unknown(),
        },
        Err(error) => Answer { status: error.status_code(), body: error.to_json().into_bytes() },
    }
}

fn unknown() -> Answer {
    Answer { status: 400, body: br#"{"__type":"com.amazonaws.dynamodb.v20120810#UnknownOperationException"}"#.to_vec() }
}
