//! The two resource definitions: whether they are installed, served, and those of this client. Does I/O in [`look`].

use std::collections::BTreeSet;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition as Definition, CustomResourceValidation as Validation,
    JSONSchemaProps, JSONSchemaPropsOrArray,
};
use kube::{Api, Client, ResourceExt};
use sparkconnect_api::GROUP;
use sparkconnect_client::kubernetes::told;
use sparkconnect_client::{Category, Error};

use super::report::Finding;

const APPLY: &str = "`kubectl apply --server-side -k deploy/crds` of this client's version";
/// So many fields are named.
const NAMED: usize = 5;

/// What there is of one definition.
enum Seen {
    Whole(Box<Definition>),
    /// This user may not read it; the API server tells everybody what it serves.
    Served,
    Absent,
}

/// Looks at both; whether they are there at all, for checks that need them.
pub(super) async fn look(client: &Client) -> (Vec<Finding>, bool) {
    let (mut findings, mut there) = (Vec::new(), true);
    for ours in sparkconnect_api::definitions() {
        let seen = see(client, &ours).await;
        there &= matches!(seen, Ok(Seen::Whole(_) | Seen::Served));
        findings.push(match seen {
            Ok(seen) => judge(&seen, &ours),
            Err(error) => Finding::failed(check(&ours), &error),
        });
    }
    (findings, there)
}

async fn see(client: &Client, ours: &Definition) -> Result<Seen, Error> {
    let name = ours.name_any();
    let definitions: Api<Definition> = Api::all(client.clone());
    let doing = format!("reading the definition {name}");
    match definitions.get_opt(&name).await {
        Ok(Some(found)) => Ok(Seen::Whole(Box::new(found))),
        Ok(None) => Ok(Seen::Absent),
        Err(error) => {
            let error = told(error, &doing);
            if error.category() != Category::PermissionDenied {
                return Err(error);
            }
            served(client, ours).await
        }
    }
}

/// By what the API server tells every user.
async fn served(client: &Client, ours: &Definition) -> Result<Seen, Error> {
    let version = &ours.spec.versions[0].name;
    let group = format!("{GROUP}/{version}");
    match client.list_api_group_resources(&group).await {
        Ok(list) => {
            let mut kinds = list.resources.iter().map(|resource| &resource.kind);
            let there = kinds.any(|kind| *kind == ours.spec.names.kind);
            Ok(if there { Seen::Served } else { Seen::Absent })
        }
        Err(error) => {
            let error = told(error, "asking what the API server serves");
            match error.category() {
                Category::NotFound => Ok(Seen::Absent),
                _ => Err(error),
            }
        }
    }
}

fn check(ours: &Definition) -> String {
    format!("definition {}", ours.spec.names.kind)
}

fn judge(seen: &Seen, ours: &Definition) -> Finding {
    let version = &ours.spec.versions[0].name;
    match seen {
        Seen::Absent => {
            let text = format!("{} {version} is not installed", ours.name_any());
            Finding::wrong(check(ours), text).cure(APPLY)
        }
        Seen::Served => {
            let text = format!(
                "{version} is served; only who may read definitions sees whether its schema is this client's"
            );
            Finding::well(check(ours), text)
        }
        Seen::Whole(found) => compare(found, ours),
    }
}

fn compare(found: &Definition, ours: &Definition) -> Finding {
    let check = check(ours);
    let version = &ours.spec.versions[0].name;
    let theirs = found
        .spec
        .versions
        .iter()
        .find(|it| it.name == *version && it.served);
    let Some(theirs) = theirs else {
        let served = found.spec.versions.iter().filter(|it| it.served);
        let served: Vec<_> = served.map(|it| it.name.as_str()).collect();
        let served = if served.is_empty() {
            "nothing".to_owned()
        } else {
            served.join(", ")
        };
        let text = format!("it serves {served}, and this client speaks {version}");
        return Finding::wrong(check, text).cure("use the client of the installed version");
    };
    if let Some(why) = unestablished(found) {
        return Finding::wrong(check, why)
            .cure("another definition has one of its names: remove that");
    }
    let schema = |validation: &Option<Validation>| validation.clone()?.open_api_v3_schema;
    let (theirs, ours) = (
        schema(&theirs.schema),
        schema(&ours.spec.versions[0].schema),
    );
    if theirs == ours {
        return Finding::well(
            check,
            format!("{version} is served, with this client's schema"),
        );
    }
    let (theirs, ours) = (fields(theirs), fields(ours));
    let missing: Vec<_> = ours.difference(&theirs).map(String::as_str).collect();
    let more: Vec<_> = theirs.difference(&ours).map(String::as_str).collect();
    // What is written into a spec's field that the API server does not know is refused.
    if missing.iter().any(|field| field.starts_with("spec")) {
        let text = format!("it is older than this client: it lacks {}", some(&missing));
        return Finding::wrong(check, text).cure(APPLY);
    }
    let differs = match (&missing[..], &more[..]) {
        ([], []) => "its fields are this client's, but rules or descriptions differ".to_owned(),
        ([], more) => format!("it is newer than this client: it has {} beside", some(more)),
        (missing, _) => format!("it is older than this client: it lacks {}", some(missing)),
    };
    Finding::doubtful(check, differs).cure(format!(
        "use the client of the installed version, or {APPLY}"
    ))
}

/// Why it is not in force.
fn unestablished(found: &Definition) -> Option<String> {
    let conditions = found.status.as_ref()?.conditions.iter().flatten();
    let mut broken = conditions.filter(|condition| {
        matches!(condition.type_.as_str(), "Established" | "NamesAccepted")
            && condition.status != "True"
    });
    let condition = broken.next()?;
    let message = condition.message.clone().unwrap_or_default();
    Some(format!(
        "it is not in force: {} is {}: {message}",
        condition.type_, condition.status
    ))
}

fn some(fields: &[&str]) -> String {
    let rest = fields.len().saturating_sub(NAMED);
    let named = fields[..fields.len() - rest].join(", ");
    if rest == 0 {
        named
    } else {
        format!("{named} and {rest} more")
    }
}

/// Every field by its path.
fn fields(schema: Option<JSONSchemaProps>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    if let Some(schema) = schema {
        collect(&schema, "", &mut found);
    }
    found
}

fn collect(schema: &JSONSchemaProps, path: &str, found: &mut BTreeSet<String>) {
    for (name, inner) in schema.properties.iter().flatten() {
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        collect(inner, &path, found);
        found.insert(path);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(inner)) = &schema.items {
        collect(inner, path, found);
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Verdict;
    use super::*;

    fn ours() -> Definition {
        let [server, _] = sparkconnect_api::definitions();
        server
    }

    fn spec(definition: &mut Definition) -> &mut JSONSchemaProps {
        let schema = definition.spec.versions[0].schema.as_mut().unwrap();
        let root = schema.open_api_v3_schema.as_mut().unwrap();
        root.properties.as_mut().unwrap().get_mut("spec").unwrap()
    }

    fn judged(change: impl FnOnce(&mut Definition)) -> Finding {
        let mut found = ours();
        change(&mut found);
        judge(&Seen::Whole(Box::new(found)), &ours())
    }

    #[test]
    fn this_clients_own_is_well() {
        assert_eq!(judged(|_| {}).verdict, Verdict::Well);
    }

    #[test]
    fn an_older_one_names_what_it_lacks() {
        let finding = judged(|found| {
            spec(found).properties.as_mut().unwrap().remove("suspend");
        });
        assert_eq!(finding.verdict, Verdict::Wrong);
        assert!(
            finding.message.ends_with("it lacks spec.suspend"),
            "{finding:?}"
        );
        assert!(
            finding
                .cure
                .is_some_and(|cure| cure.contains("deploy/crds"))
        );
    }

    #[test]
    fn a_newer_one_and_other_rules_are_to_be_looked_at() {
        let newer = judged(|found| {
            let spec = spec(found).properties.as_mut().unwrap();
            spec.insert("magic".to_owned(), JSONSchemaProps::default());
        });
        assert_eq!(newer.verdict, Verdict::Doubtful);
        assert!(newer.message.contains("spec.magic"), "{newer:?}");
        let rules = judged(|found| spec(found).description = Some("else".to_owned()));
        assert_eq!(rules.verdict, Verdict::Doubtful);
        assert!(rules.message.contains("rules"), "{rules:?}");
    }

    #[test]
    fn one_that_is_absent_or_of_another_version_is_wrong() {
        assert_eq!(judge(&Seen::Absent, &ours()).verdict, Verdict::Wrong);
        let other = judged(|found| found.spec.versions[0].name = "v2".to_owned());
        assert_eq!(other.verdict, Verdict::Wrong);
        assert!(other.message.contains("it serves v2"), "{other:?}");
        let unserved = judged(|found| found.spec.versions[0].served = false);
        assert_eq!(unserved.verdict, Verdict::Wrong);
    }

    #[test]
    fn who_may_not_read_it_learns_that_it_is_served() {
        assert_eq!(judge(&Seen::Served, &ours()).verdict, Verdict::Well);
    }
}
