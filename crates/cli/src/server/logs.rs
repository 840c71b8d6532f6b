//! `server logs`. Does I/O: finds a pod and reads its log, through the API server.

use std::process::ExitCode;

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt};
use serde_json::Value;
use sparkconnect_api::{SparkConnectServer, labels};
use sparkconnect_client::pods::{self, Place};
use sparkconnect_client::{Category, Error as ClientError, Role};

use crate::context::Context;
use crate::error::Error;
use crate::log::{self, LogArgs};
use crate::resource;

/// Label that Spark puts on executor pods: the number of the executor.
const EXECUTOR_NUMBER: &str = "spark-exec-id";

/// Print the log of a server's driver, or of an executor.
#[derive(clap::Args, Debug)]
#[command(
    visible_alias = "log",
    after_long_help = "\
Examples:
  kubectl sparkconnect server logs demo --tail 100
  kubectl sparkconnect server logs demo -f --replica 1
  kubectl sparkconnect server logs demo --executor 2
  kubectl sparkconnect server logs demo --previous     # of a driver that was restarted"
)]
pub(crate) struct Args {
    /// Name of the server.
    #[arg(value_name = "SERVER", value_parser = crate::values::server_name)]
    name: String,
    /// Which of its replicas, by number.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    replica: u32,
    #[command(flatten)]
    log: LogArgs,
}

/// Prints it.
pub(crate) async fn run(context: &Context, args: &Args) -> Result<ExitCode, Error> {
    let cluster = context.cluster().await?;
    let (_, server): (Value, SparkConnectServer) = resource::fetch(&cluster, &args.name).await?;
    let request = args.log.request();
    let place = place(&server, args.replica, &request.role)?;
    let all: Api<Pod> = Api::namespaced(cluster.client, &cluster.namespace);
    let found = pods::find(&all, &place).await?;
    let pod = found.ok_or_else(|| none(&server, args.replica, &request.role))?;
    log::print(context, pods::open(&all, &pod, &request).await?).await?;
    Ok(ExitCode::SUCCESS)
}

/// Where the pod is: the driver by its name, an executor by the application that its replica runs now.
fn place(server: &SparkConnectServer, number: u32, role: &Role) -> Result<Place, ClientError> {
    let replica = replica(server, number);
    let Role::Executor(executor) = role else {
        return Ok(Place::Name(replica));
    };
    let mut told = server.status.iter().flat_map(|status| &status.servers);
    let told = told.find(|told| told.name == replica);
    let application = told.and_then(|told| told.application_id.as_deref());
    let application = application.ok_or_else(|| {
        let message =
            format!("replica {replica} has told of no application, and so of no executors");
        ClientError::new(Category::NotFound, message)
            .hint("ask again when it is ready; `server get` says what it waits for")
    })?;
    Ok(Place::Labels(format!(
        "{}={application},{}={},{EXECUTOR_NUMBER}={executor}",
        labels::SPARK_APP_SELECTOR,
        labels::SPARK_ROLE,
        labels::EXECUTOR,
    )))
}

/// The name of a replica: of the pod of a StatefulSet that is called like the server.
fn replica(server: &SparkConnectServer, number: u32) -> String {
    format!("{}-{number}", server.name_any())
}

fn none(server: &SparkConnectServer, number: u32, role: &Role) -> ClientError {
    let replica = replica(server, number);
    let whose = match role {
        Role::Driver => format!("there is no replica {replica}"),
        Role::Executor(executor) => {
            format!("replica {replica} has no pod of an executor {executor}")
        }
    };
    let told = server.status.iter().flat_map(|status| &status.servers);
    let names: Vec<_> = told.map(|replica| replica.name.as_str()).collect();
    let replicas = if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    };
    ClientError::new(Category::NotFound, whose).hint(format!("replicas that there are: {replicas}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn server() -> SparkConnectServer {
        let replica = |name: &str, application: Value| json!({"name": name, "phase": "Ready", "sessions": 0, "applicationId": application});
        let replicas = [
            replica("demo-0", json!("spark-1")),
            replica("demo-1", Value::Null),
        ];
        serde_json::from_value(json!({
            "apiVersion": "sparkconnect.dev/v1alpha1", "kind": "SparkConnectServer",
            "metadata": {"name": "demo"}, "spec": {"version": "4.3.0"},
            "status": {"servers": replicas},
        }))
        .expect("a server")
    }

    #[test]
    fn a_driver_is_found_by_name_and_an_executor_by_its_application() {
        let executor = Role::Executor("2".to_owned());
        let name = Place::Name("demo-3".to_owned());
        assert_eq!(place(&server(), 3, &Role::Driver).unwrap(), name);
        let labels = "spark-app-selector=spark-1,spark-role=executor,spark-exec-id=2";
        let labels = Place::Labels(labels.to_owned());
        assert_eq!(place(&server(), 0, &executor).unwrap(), labels);
        let error = place(&server(), 1, &executor).unwrap_err();
        assert_eq!(error.category(), Category::NotFound);
    }

    #[test]
    fn a_replica_that_is_not_there_is_told_with_those_that_are() {
        let error = none(&server(), 7, &Role::Driver);
        assert_eq!(error.to_string(), "there is no replica demo-7");
        assert_eq!(
            error.hint_text(),
            Some("replicas that there are: demo-0, demo-1")
        );
    }
}
