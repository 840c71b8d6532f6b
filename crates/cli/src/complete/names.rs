//! Names of what there is in the cluster. Does I/O, for a moment, and in silence: a failure has no names.

use std::time::Duration;

use kube::ResourceExt;
use sparkconnect_api::{SparkConnectServer, SparkSession};
use sparkconnect_client::SparkClient;
use sparkconnect_client::operators::{OperatorBackend, OperatorConfig};

use super::walk::{Candidate, Kind};
use crate::context::Context;
use crate::error::Error;
use crate::resource;

/// A person does not wait longer for a word.
const PATIENCE: Duration = Duration::from_secs(3);

/// The names of a kind.
pub(super) async fn of(context: &Context, kind: Kind) -> Vec<Candidate> {
    let names = async {
        match kind {
            Kind::Server => listed::<SparkConnectServer>(context).await,
            Kind::Session => listed::<SparkSession>(context).await,
            Kind::Application => applications(context).await,
        }
    };
    match tokio::time::timeout(PATIENCE, names).await {
        Ok(Ok(names)) => names.into_iter().map(|name| (name, None)).collect(),
        Ok(Err(_)) | Err(_) => Vec::new(),
    }
}

async fn listed<K: resource::Kind>(context: &Context) -> Result<Vec<String>, Error> {
    let all = resource::fetch_all::<K>(&context.cluster().await?).await?;
    Ok(all.iter().map(ResourceExt::name_any).collect())
}

async fn applications(context: &Context) -> Result<Vec<String>, Error> {
    let config = OperatorConfig {
        kubernetes: context.kubernetes(),
        flavour: None,
    };
    let client = SparkClient::new(OperatorBackend::connect(config).await?);
    let all = client.list_applications().await?;
    Ok(all.into_iter().map(|application| application.id).collect())
}
