//! What operator a cluster has, and who may use it.

use sparkconnect_client::operators::Flavour;
use sparkconnect_client::{Category, SparkClient};

use crate::fixture::{self, connect, pi, shared};

#[tokio::test]
async fn who_may_not_is_told_what_is_missing() {
    let server = shared();
    fixture::namespace(server, "forbidden");
    let kubeconfig = server.kubeconfig_for("ada", &[]).expect("a user");
    let backend = connect(&kubeconfig, "forbidden", Some(Flavour::Kubeflow)).await;
    let client = SparkClient::new(backend.expect("everybody may ask what there is"));
    let error = client.submit_application(pi()).await.unwrap_err();
    assert_eq!(error.category(), Category::PermissionDenied);
    for part in ["\"ada\"", "create", "sparkapplications", "\"forbidden\""] {
        assert!(error.to_string().contains(part), "{error}");
    }
    assert!(error.hint_text().is_some());
}

#[tokio::test]
async fn the_operator_is_found_out() {
    let server = fixture::start();
    let find = async |chosen| connect(server.kubeconfig(), "default", chosen).await;
    let none = find(None).await.unwrap_err();
    assert_eq!(none.category(), Category::NotFound);
    let hint = none.hint_text().unwrap();
    assert!(hint.contains("sparkoperator.k8s.io/v1beta2") && hint.contains("spark.apache.org/v1"));

    fixture::install(&server, Flavour::Apache, &fixture::small_definition());
    assert_eq!(find(None).await.unwrap().flavour(), Flavour::Apache);
    let other = find(Some(Flavour::Kubeflow)).await.unwrap_err();
    assert_eq!(other.category(), Category::NotFound);
    assert!(other.to_string().contains("kubeflow"), "{other}");

    fixture::install(&server, Flavour::Kubeflow, &fixture::kubeflow_definition());
    let both = find(None).await.unwrap_err();
    assert_eq!(both.category(), Category::InvalidInput);
    assert!(both.hint_text().unwrap().contains("flavour"));
    for flavour in Flavour::ALL {
        assert_eq!(find(Some(flavour)).await.unwrap().flavour(), flavour);
    }
}
