//! The Livy back end against a real Livy with a real Spark, started once and shared: what batches do, and what Livy refuses.

mod fixture;
mod proxy;
mod refusals;

use std::collections::BTreeMap;

use futures::TryStreamExt;
use sparkconnect_client::{
    ApplicationRequest, ApplicationState, BackendKind, Category, ExecutorResources, LogRequest,
    Operation, Role, Waiting,
};

use crate::fixture::{PATIENCE, client, following, program, text_of, waited};

/// Says what it was started with.
const PROGRAM: &str = "
import sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
print('rows', spark.range(10).count(), sys.argv[1:])
conf = dict(spark.sparkContext.getConf().getAll())
for name in sys.argv[1].split():
    print('conf', name, conf.get(name))
";

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_lives() {
    let client = client();
    assert_eq!(client.kind(), BackendKind::Livy);
    let names = "spark.executor.memory spark.executorEnv.A spark.hadoop.b spark.ui.enabled";
    let map = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
    let request = ApplicationRequest {
        arguments: vec![names.to_owned(), "a 'b'".to_owned()],
        executor: ExecutorResources {
            memory: Some("700m".to_owned()),
            env: map("A", "1"),
            ..ExecutorResources::default()
        },
        hadoop_conf: map("b", "2"),
        spark_conf: map("spark.ui.enabled", "false"),
        ..program("lives", PROGRAM)
    };
    let submitted = client
        .submit_application(request)
        .await
        .expect("it is taken");
    let id = submitted.id;
    assert_eq!(submitted.name.as_deref(), Some("lives"));
    assert!(!submitted.state.is_final());

    let log = text_of(&client, &id, following()).await.expect("a log");
    for line in [
        format!("rows 10 ['{names}', \"a 'b'\"]"),
        "conf spark.executor.memory 700m".to_owned(),
        "conf spark.executorEnv.A 1".to_owned(),
        "conf spark.hadoop.b 2".to_owned(),
        "conf spark.ui.enabled false".to_owned(),
    ] {
        assert!(log.contains(&line), "{line}: {log:#?}");
    }
    assert!(!log.iter().any(|line| line.contains("stderr:")), "{log:#?}");
    let status = client.get_status("lives").await.expect("a status by name");
    assert_eq!(status.state, ApplicationState::Succeeded);
    assert_eq!(status.peer_state.as_deref(), Some("success"));
    let listed = client.list_applications().await.expect("a list");
    assert!(listed.contains(&status), "{listed:#?}");
    let tail = LogRequest {
        tail: Some(2),
        ..LogRequest::default()
    };
    let tail = text_of(&client, &id, tail).await.expect("a log");
    assert_eq!(tail, log[log.len() - 2..]);

    client.delete_application(&id).await.expect("it is deleted");
    for gone in [
        client.get_status(&id).await.map(drop),
        client.delete_application(&id).await,
        client.get_logs(&id, following()).await.map(drop),
    ] {
        assert_eq!(gone.unwrap_err().category(), Category::NotFound);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_fails_says_so_and_its_log_says_why() {
    let client = client();
    let request = program("fails", "raise SystemExit('it went wrong')");
    let submitted = client
        .submit_application(request)
        .await
        .expect("it is taken");
    let ended = client
        .wait(&submitted.id, &Waiting::at_most(PATIENCE))
        .await;
    let ended = ended.expect("it ends");
    assert_eq!(ended.state, ApplicationState::Failed);
    assert_eq!(ended.peer_state.as_deref(), Some("dead"));
    let log = text_of(&client, &ended.id, LogRequest::default()).await;
    let log = log.expect("a log");
    assert!(log.contains(&"it went wrong".to_owned()), "{log:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_batch_is_cancelled_by_its_deletion() {
    let client = client();
    let request = program(
        "cancelled",
        "import time\nprint('at work', flush=True)\ntime.sleep(3600)",
    );
    let submitted = client
        .submit_application(request)
        .await
        .expect("it is taken");
    let mut log = client
        .get_logs(&submitted.id, following())
        .await
        .expect("a log");
    let at_work = waited("the program to say that it is at work", async {
        while let Some(line) = log.try_next().await.expect("the log goes on") {
            if line == "at work" {
                return true;
            }
        }
        false
    });
    assert!(at_work.await, "the log ended");
    let status = client.get_status("cancelled").await.expect("a status");
    assert_eq!(status.state, ApplicationState::Running);

    client
        .delete_application("cancelled")
        .await
        .expect("it is deleted");
    let gone = client.get_status("cancelled").await.unwrap_err();
    assert_eq!(gone.category(), Category::NotFound);
    let end = waited("the log to end", log.try_collect::<Vec<_>>()).await;
    assert_eq!(end.unwrap_err().category(), Category::Ended);
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_fell_out_of_livys_cache_are_told_of() {
    let client = client();
    let request = program("writes", "for number in range(2000): print('line', number)");
    let submitted = client
        .submit_application(request)
        .await
        .expect("it is taken");
    let ended = client
        .wait(&submitted.id, &Waiting::at_most(PATIENCE))
        .await;
    assert_eq!(ended.expect("it ends").state, ApplicationState::Succeeded);
    let log = text_of(&client, "writes", LogRequest::default()).await;
    let log = log.expect("a log");
    assert!(log[0].contains("lines may be missing"), "{log:#?}");
    assert!(log.contains(&"line 1999".to_owned()), "{log:#?}");
    assert!(!log.contains(&"line 5".to_owned()), "{log:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_livy_has_no_log_of_is_refused() {
    for (field, request) in [
        (
            "role",
            LogRequest {
                role: Role::Executor("1".to_owned()),
                ..LogRequest::default()
            },
        ),
        (
            "previous",
            LogRequest {
                previous: true,
                ..LogRequest::default()
            },
        ),
    ] {
        let Err(error) = client().get_logs("any", request).await else {
            panic!("there is no such log");
        };
        assert_eq!(error.category(), Category::InvalidInput);
        assert!(error.to_string().contains(field), "{error}");
        assert!(error.hint_text().is_some());
    }
    let error = client().suspend_application("any").await.unwrap_err();
    assert_eq!(error.category(), Category::Unsupported);
    assert!(!BackendKind::Livy.supports(Operation::SuspendApplication));
}
