//! What this user may do: what using sessions takes, each asked of the API server. Does I/O in [`look`] and [`may`].

use futures::future::join_all;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::api::PostParams;
use kube::{Api, Client};
use sparkconnect_api::GROUP;
use sparkconnect_client::Error;
use sparkconnect_client::kubernetes::{Cluster, told};

use super::report::Finding;

/// A verb on a resource, perhaps of its part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Right {
    verb: &'static str,
    group: &'static str,
    resource: &'static str,
    part: &'static str,
}

/// What making, finding, opening and ending sessions takes.
const SESSIONS: [Right; 8] = [
    right("create", GROUP, "sparksessions"),
    right("get", GROUP, "sparksessions"),
    right("list", GROUP, "sparksessions"),
    right("watch", GROUP, "sparksessions"),
    right("delete", GROUP, "sparksessions"),
    right("get", GROUP, "sparkconnectservers"),
    right("list", GROUP, "sparkconnectservers"),
    // The connection Secret of a session.
    right("get", "", "secrets"),
];

/// What going through the gateway without a session takes.
const CONNECT: Right = right("connect", GROUP, "sparkconnectservers");

/// What a port forwarded to a Service's pod takes. It is asked for by an HTTP GET, and so is `get`; from Kubernetes 1.35 on it is
/// `create` too.
pub(super) const FORWARD: [Right; 4] = [
    right("get", "", "services"),
    right("list", "discovery.k8s.io", "endpointslices"),
    port_forward("get"),
    port_forward("create"),
];

const fn port_forward(verb: &'static str) -> Right {
    Right {
        verb,
        group: "",
        resource: "pods",
        part: "portforward",
    }
}

const fn right(verb: &'static str, group: &'static str, resource: &'static str) -> Right {
    Right {
        verb,
        group,
        resource,
        part: "",
    }
}

/// Asks for all of them.
pub(super) async fn look(cluster: &Cluster, user: &str) -> Vec<Finding> {
    let Cluster { client, namespace } = cluster;
    let missing = missing(client, namespace, &SESSIONS).await;
    let connects = may(client, namespace, CONNECT).await;
    vec![
        judge(&missing, namespace),
        judge_connect(&connects, namespace, user),
    ]
}

/// Those of `rights` that this user does not have.
pub(super) async fn missing(
    client: &Client,
    namespace: &str,
    rights: &[Right],
) -> Result<Vec<Right>, Error> {
    let asked = rights.iter().map(|&right| async move {
        let may = may(client, namespace, right).await?;
        Ok((!may).then_some(right))
    });
    let answers: Result<Vec<_>, Error> = join_all(asked).await.into_iter().collect();
    Ok(answers?.into_iter().flatten().collect())
}

async fn may(client: &Client, namespace: &str, right: Right) -> Result<bool, Error> {
    let part = (!right.part.is_empty()).then(|| right.part.to_owned());
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                namespace: Some(namespace.to_owned()),
                verb: Some(right.verb.to_owned()),
                group: Some(right.group.to_owned()),
                resource: Some(right.resource.to_owned()),
                subresource: part,
                ..ResourceAttributes::default()
            }),
            non_resource_attributes: None,
        },
        ..SelfSubjectAccessReview::default()
    };
    let reviews: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let review = reviews.create(&PostParams::default(), &review).await;
    let review = review.map_err(|error| told(error, "asking what you may do"))?;
    Ok(review.status.is_some_and(|status| status.allowed))
}

fn judge(missing: &Result<Vec<Right>, Error>, namespace: &str) -> Finding {
    let check = "rights";
    match missing {
        Err(error) => Finding::failed(check, error),
        Ok(missing) if missing.is_empty() => {
            let text =
                format!("you may make, find, open and end sessions in namespace {namespace}");
            Finding::well(check, text)
        }
        Ok(missing) => {
            let text = format!("in namespace {namespace} you may not {}", listed(missing));
            Finding::wrong(check, text).cure(
                "an administrator can grant it, by a Role with these verbs and a RoleBinding in that namespace",
            )
        }
    }
}

fn judge_connect(may: &Result<bool, Error>, namespace: &str, user: &str) -> Finding {
    let check = "right to connect";
    match may {
        Err(error) => Finding::failed(check, error),
        Ok(true) => {
            let text = format!(
                "you may call every server of namespace {namespace} with a token of the cluster"
            );
            Finding::well(check, text)
        }
        Ok(false) => {
            let text = format!(
                "you may not call servers of namespace {namespace} without a session made before"
            );
            Finding::doubtful(check, text).cure(format!(
                "where that is wanted: `kubectl -n {namespace} create rolebinding connect --clusterrole=sparkconnect-connect --user={user}`"
            ))
        }
    }
}

/// By resource: `create, get sparksessions; get secrets`.
pub(super) fn listed(rights: &[Right]) -> String {
    let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
    for right in rights {
        let part = if right.part.is_empty() { "" } else { "/" };
        let resource = format!("{}{part}{}", right.resource, right.part);
        match groups.last_mut() {
            Some((last, verbs)) if *last == resource => verbs.push(right.verb),
            _ => groups.push((resource, vec![right.verb])),
        }
    }
    let groups = groups.iter();
    let groups: Vec<_> = groups
        .map(|(resource, verbs)| format!("{} {resource}", verbs.join(", ")))
        .collect();
    groups.join("; ")
}

#[cfg(test)]
mod tests {
    use sparkconnect_client::Category;

    use super::super::report::Verdict;
    use super::*;

    #[test]
    fn what_is_missing_is_named_by_resource() {
        let missing = [SESSIONS[0], SESSIONS[4], SESSIONS[7], FORWARD[3]];
        assert_eq!(
            listed(&missing),
            "create, delete sparksessions; get secrets; create pods/portforward"
        );
        let finding = judge(&Ok(missing.to_vec()), "team");
        assert_eq!(finding.verdict, Verdict::Wrong);
        assert!(
            finding.message.contains("you may not create"),
            "{finding:?}"
        );
        assert_eq!(judge(&Ok(Vec::new()), "team").verdict, Verdict::Well);
    }

    #[test]
    fn connecting_is_not_for_everybody() {
        let finding = judge_connect(&Ok(false), "team", "ada");
        assert_eq!(finding.verdict, Verdict::Doubtful);
        let cure = finding.cure.unwrap_or_default();
        assert!(cure.contains("--user=ada"), "{cure}");
        assert_eq!(
            judge_connect(&Ok(true), "team", "ada").verdict,
            Verdict::Well
        );
        let failed = Err(Error::new(Category::Unavailable, "no answer"));
        assert_eq!(
            judge_connect(&failed, "team", "ada").verdict,
            Verdict::Wrong
        );
    }
}
