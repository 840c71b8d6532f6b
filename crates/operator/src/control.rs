//! The two controllers as they run: queues, concurrency, time-outs, back-off and what is counted of each reconcile. Does the
//! I/O of the reconciles.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt, future, stream};
use kube::ResourceExt;
use kube::runtime::Controller;
use kube::runtime::controller::{self, Action};
use kube::runtime::reflector::ObjectRef;
use prometheus::Histogram;
use serde::de::DeserializeOwned;
use sparkconnect_telemetry::RequestId;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};

use crate::context::Context;
use crate::watch::{GuardedServer, GuardedSession};
use crate::{server, session, spans};

/// Reconciles of one kind at a time: bounded, since unbounded ones cost more than they gain.
const CONCURRENCY: u16 = 32;
/// Longest time for one reconcile; a call that hangs must not hold its object for ever.
const RECONCILE: Duration = Duration::from_secs(60);
/// Longest time for reconciles under way to end after a signal.
const GRACE: Duration = Duration::from_secs(5);

/// The queues of both controllers.
pub struct Queues {
    /// Servers to reconcile.
    pub servers: UnboundedReceiver<ObjectRef<GuardedServer>>,
    /// Sessions to reconcile.
    pub sessions: UnboundedReceiver<ObjectRef<GuardedSession>>,
}

/// Why a reconcile failed, as the controllers see it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failed {
    category: &'static str,
    message: String,
    span: Span,
}

/// Runs both controllers until `stop`.
pub async fn run(
    context: Arc<Context>,
    servers: Controller<GuardedServer>,
    sessions: Controller<GuardedSession>,
    queues: Queues,
    stop: &CancellationToken,
) {
    let (told, told_too) = (Arc::clone(&context), Arc::clone(&context));
    let servers = set_up(servers, queues.servers, stop)
        .run(reconcile_server, failed, Arc::clone(&context))
        .for_each(move |result| {
            if let Err(controller::Error::ObjectNotFound(server)) = result {
                server::gone(&told, &server.namespace.unwrap_or_default(), &server.name);
            }
            future::ready(())
        });
    let sessions = set_up(sessions, queues.sessions, stop)
        .run(reconcile_session, failed, context)
        .for_each(move |result| {
            if let Err(controller::Error::ObjectNotFound(session)) = result {
                let namespace = session.namespace.unwrap_or_default();
                session::gone(&told_too, &namespace, &session.name);
            }
            future::ready(())
        });
    let overdue = async {
        stop.cancelled().await;
        tokio::time::sleep(GRACE).await;
        tracing::warn!("reconciles under way are cut off; the next leader takes them up");
    };
    tokio::select! {
        _ = future::join(servers, sessions) => {}
        () = overdue => {}
    }
}

fn set_up<K>(
    controller: Controller<K>,
    queue: UnboundedReceiver<ObjectRef<K>>,
    stop: &CancellationToken,
) -> Controller<K>
where
    K: kube::Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    controller
        .with_config(controller::Config::default().concurrency(CONCURRENCY))
        .reconcile_on(received(queue))
        .graceful_shutdown_on(stop.clone().cancelled_owned())
}

fn received<T: Send + 'static>(
    queue: UnboundedReceiver<T>,
) -> impl Stream<Item = T> + Send + 'static {
    stream::unfold(queue, async |mut queue| {
        queue.recv().await.map(|item| (item, queue))
    })
}

async fn reconcile_server(
    object: Arc<GuardedServer>,
    context: Arc<Context>,
) -> Result<Action, Failed> {
    let (name, timer) = (key(&*object), context.metrics.server_reconciles.clone());
    let span = spans::of_server(&object);
    let work = server::reconcile(object, Arc::clone(&context));
    let result = bounded(&context, &timer, work).instrument(span.clone());
    let result = result.await;
    finish(
        &context,
        &name,
        span,
        result.map(|done| done.map_err(|e| (e.category(), e.to_string()))),
    )
}

async fn reconcile_session(
    object: Arc<GuardedSession>,
    context: Arc<Context>,
) -> Result<Action, Failed> {
    let (name, timer) = (key(&*object), context.metrics.session_reconciles.clone());
    let span = spans::of_session(&object);
    let work = session::reconcile(object, Arc::clone(&context));
    let result = bounded(&context, &timer, work).instrument(span.clone());
    let result = result.await;
    finish(
        &context,
        &name,
        span,
        result.map(|done| done.map_err(|e| (e.category(), e.to_string()))),
    )
}

/// Waits until both kinds have been listed and it is known again which session lives where.
pub async fn ready(context: &Context) {
    let restored = async || {
        context.resources.filled().await;
        session::restore(context);
    };
    context.restored.get_or_init(restored).await;
}

/// Runs one reconcile, once the caches are filled; `None` when it took too long.
async fn bounded<T>(
    context: &Context,
    timer: &Histogram,
    work: impl Future<Output = T>,
) -> Option<T> {
    ready(context).await;
    let _observed = timer.start_timer();
    tokio::time::timeout(RECONCILE, work).await.ok()
}

fn finish(
    context: &Context,
    name: &str,
    span: Span,
    result: Option<Result<Action, (&'static str, String)>>,
) -> Result<Action, Failed> {
    let late = || {
        (
            "timeout",
            format!("no end within {} s", RECONCILE.as_secs()),
        )
    };
    match result.unwrap_or_else(|| Err(late())) {
        Ok(action) => {
            context.backoff.succeeded(name);
            Ok(action)
        }
        Err((category, message)) => {
            spans::failed(&span, category);
            Err(Failed {
                category,
                message,
                span,
            })
        }
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the signature that the controller asks for"
)]
fn failed<K>(object: Arc<K>, error: &Failed, context: Arc<Context>) -> Action
where
    K: kube::Resource<DynamicType = ()>,
{
    let (name, kind) = (key(&*object), K::kind(&()));
    let wait = context.backoff.failed(&name);
    context
        .metrics
        .errors
        .with_label_values(&[kind.as_ref(), error.category])
        .inc();
    let request_id = spans::request_id(&*object);
    let request_id = request_id.as_ref().map(RequestId::as_str);
    let _span = error.span.enter();
    tracing::warn!(%kind, object = name, request_id, %error, wait_seconds = wait.as_secs_f32(), "reconcile failed");
    Action::requeue(wait)
}

fn key<K: kube::Resource<DynamicType = ()>>(object: &K) -> String {
    format!(
        "{}/{}/{}",
        K::kind(&()),
        object.namespace().unwrap_or_default(),
        object.name_any()
    )
}
