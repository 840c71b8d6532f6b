//! This project's two kinds on the API server, as they are there: what this program does not know is kept for `-o json`, and one that it
//! cannot read does not hide the others. Does I/O.

use clap::Args;
use k8s_openapi::NamespaceResourceScope;
use kube::Resource;
use kube::api::ListParams;
use kube::core::Request as Ask;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sparkconnect_client::kubernetes::{Cluster, named, told};

use sparkconnect_client::{Category, Error as ClientError};

use crate::context::Context;
use crate::error::Error;
use crate::output::table::{self, Column};
use crate::output::{self, Form, ListForm, ListOutput};
use crate::terminal;

/// Of which namespaces.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Scope {
    /// Those of every namespace.
    #[arg(short = 'A', long)]
    pub(crate) all_namespaces: bool,
}

/// How a kind is listed: its columns, and what stands in them.
pub(crate) struct Listing<K> {
    /// The columns behind the name.
    pub(crate) columns: &'static [Column],
    /// The cells of one.
    pub(crate) cells: fn(&K) -> Vec<String>,
}

/// The kinds of this project.
pub(crate) trait Kind:
    Resource<DynamicType = (), Scope = NamespaceResourceScope> + DeserializeOwned
{
}

impl<K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + DeserializeOwned> Kind for K {}

/// Lists a kind and prints it.
pub(crate) async fn list<K: Kind>(
    context: &Context,
    scope: Scope,
    form: ListOutput,
    listing: &Listing<K>,
) -> Result<(), Error> {
    check(context, scope)?;
    let cluster = context.cluster().await?;
    let namespace = (!scope.all_namespaces).then_some(cluster.namespace.as_str());
    let mut list = fetch_list::<K>(&cluster, namespace).await?;
    let empty = Vec::new();
    let items = list["items"].as_array().unwrap_or(&empty);
    if items.is_empty() && matches!(form.form, None | Some(ListForm::Wide)) {
        terminal::note(&nothing(namespace));
        return Ok(());
    }
    let text = match form.form {
        Some(ListForm::Json | ListForm::Yaml) => {
            let items = list["items"].as_array_mut().into_iter().flatten();
            items.for_each(without_managers);
            whole(&list, form.form == Some(ListForm::Json))?
        }
        Some(ListForm::Name) => items.iter().map(|item| name::<K>(item) + "\n").collect(),
        wide => {
            let rows: Vec<_> = items.iter().map(|item| row(item, scope, listing)).collect();
            let columns = columns(scope, listing);
            table::render(&columns, &rows, wide.is_some(), !form.no_headers)
        }
    };
    context.print(&text)
}

/// clap sees no conflict of an option that may stand before the verb.
fn check(context: &Context, scope: Scope) -> Result<(), Error> {
    if scope.all_namespaces && context.global.namespace.is_some() {
        let message = "--all-namespaces and --namespace are both given";
        return Err(Error::new(Category::InvalidInput, message));
    }
    Ok(())
}

/// One of a kind as it is, and as this program reads it.
pub(crate) async fn fetch<K: Kind>(cluster: &Cluster, name: &str) -> Result<(Value, K), Error> {
    let kind = K::kind(&());
    named(&kind, name)?;
    let path = K::url_path(&(), Some(&cluster.namespace));
    let ask = Ask::new(path).get(name, &kube::api::GetParams::default());
    let doing = format!("reading the {kind} {name}");
    let mut found = ask_for(cluster, ask, &doing).await?;
    without_managers(&mut found);
    let read = K::deserialize(&found).map_err(|error| {
        ClientError::new(
            Category::Protocol,
            format!("the {kind} {name} cannot be read"),
        )
        .caused_by(error)
        .hint("is the operator of another version than this client?")
    })?;
    Ok((found, read))
}

/// Asks for one of the namespace and prints it in this form.
pub(crate) async fn print_named<K: Kind>(
    context: &Context,
    form: Form,
    name: &str,
) -> Result<(), Error> {
    let (found, _): (Value, K) = fetch(&context.cluster().await?, name).await?;
    print::<K>(context, form, &found)
}

/// Those of a kind in the namespace that this program can read.
pub(crate) async fn fetch_all<K: Kind>(cluster: &Cluster) -> Result<Vec<K>, Error> {
    let list = fetch_list::<K>(cluster, Some(&cluster.namespace)).await?;
    let items = list["items"].as_array().into_iter().flatten();
    Ok(items.filter_map(|item| K::deserialize(item).ok()).collect())
}

/// Prints one in this form.
pub(crate) fn print<K: Kind>(context: &Context, form: Form, found: &Value) -> Result<(), Error> {
    let text = match form {
        Form::Name => name::<K>(found),
        Form::Json | Form::Yaml => whole(found, form == Form::Json)?,
    };
    context.print(&text)
}

async fn fetch_list<K: Kind>(cluster: &Cluster, namespace: Option<&str>) -> Result<Value, Error> {
    let path = K::url_path(&(), namespace);
    let ask = Ask::new(path).list(&ListParams::default());
    ask_for(cluster, ask, &format!("listing {}", K::plural(&()))).await
}

async fn ask_for(
    cluster: &Cluster,
    ask: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
    doing: &str,
) -> Result<Value, Error> {
    let ask = ask.map_err(|error| told(kube::Error::BuildRequest(error), doing))?;
    let answer = cluster.client.request(ask).await;
    Ok(answer.map_err(|error| told(error, doing))?)
}

fn whole(value: &Value, json: bool) -> Result<String, ClientError> {
    if json {
        output::json(value)
    } else {
        output::yaml(value)
    }
}

/// Who wrote which field, which nobody wants to read.
fn without_managers(object: &mut Value) {
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("managedFields");
    }
}

fn nothing(namespace: Option<&str>) -> String {
    match namespace {
        Some(namespace) => format!("No resources found in {namespace} namespace."),
        None => "No resources found".to_owned(),
    }
}

/// `sparksession.sparkconnect.dev/ada`.
fn name<K: Kind>(object: &Value) -> String {
    let kind = K::kind(&()).to_lowercase();
    format!("{kind}.{}/{}", K::group(&()), text(object, "name"))
}

fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object["metadata"][field].as_str().unwrap_or_default()
}

fn columns<K>(scope: Scope, listing: &Listing<K>) -> Vec<Column> {
    let namespace = scope.all_namespaces.then_some(table::column("NAMESPACE"));
    let own = listing.columns.iter().copied();
    let name = table::column("NAME");
    namespace.into_iter().chain([name]).chain(own).collect()
}

fn row<K: Kind>(object: &Value, scope: Scope, listing: &Listing<K>) -> Vec<String> {
    let namespace = scope.all_namespaces.then_some(text(object, "namespace"));
    let heads = namespace.into_iter().chain([text(object, "name")]);
    let cells = match K::deserialize(object) {
        Ok(read) => (listing.cells)(&read),
        Err(_) => unreadable(listing.columns.len()),
    };
    heads.map(str::to_owned).chain(cells).collect()
}

/// What stands in the row of one that was written for another version.
fn unreadable(cells: usize) -> Vec<String> {
    vec!["<unreadable>".to_owned(); cells]
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sparkconnect_api::SparkSession;

    use super::*;

    #[test]
    fn one_of_another_version_hides_no_other() {
        let listing = Listing::<SparkSession> {
            columns: const { &[table::column("SERVER"), table::column("AGE")] },
            cells: |session| vec![session.spec.server.clone(), "1s".to_owned()],
        };
        let scope = |all_namespaces| Scope { all_namespaces };
        let object = |spec: Value| {
            json!({
                "apiVersion": "sparkconnect.dev/v1alpha1", "kind": "SparkSession",
                "metadata": {"name": "ada", "namespace": "team"}, "spec": spec,
            })
        };
        let known = row(&object(json!({"server": "demo"})), scope(false), &listing);
        assert_eq!(known, ["ada", "demo", "1s"]);
        let unknown = row(&object(json!({"pool": "demo"})), scope(true), &listing);
        assert_eq!(unknown, ["team", "ada", "<unreadable>", "<unreadable>"]);
    }
}
